//! Token introspection (RFC 7662).

use auth_proto::v1::{
    IntrospectTokenRequest, IntrospectTokenResponse, auth_service_client::AuthServiceClient,
};
use time::OffsetDateTime;

use crate::{
    auth_client::AuthClient,
    calls::oauth_client::{self, ClientCredentials},
    error::AuthError,
    transport::response::{non_empty, optional_time},
    transport::retry_policy::CHANGE,
};

/// What introspection says of an active access token (RFC 7662 §2.2).
#[derive(Debug)]
pub struct Introspection {
    /// `iss`: public URL of the installation.
    pub issuer: String,
    /// `sub`: identifier of the account, or of the OAuth client for a token of its own.
    pub subject: String,
    /// `aud`: the resource server that the token is for.
    pub audience: Option<String>,
    /// `client_id`: the OAuth client that the token was issued to.
    pub client_id: String,
    /// `sid`: identifier of the login; `None` for a token that an OAuth client got in its own name.
    pub sid: Option<String>,
    /// The grant that the token was issued by; `None` for the grant that the login began with, which ends with the login, and for a
    /// token that an OAuth client got in its own name.
    pub grant_id: Option<String>,
    /// `jti`: identifier of the token.
    pub jti: Option<String>,
    /// `cnf.jkt`: thumbprint of the key that the token is bound to (RFC 9449 §6.1); `None` for a bearer token.
    pub jkt: Option<String>,
    /// Username of the account; `None` for a token that an OAuth client got in its own name.
    pub username: Option<String>,
    /// `scope`: names separated by blanks.
    pub scope: String,
    /// `iat`: time of issue.
    pub issued_at: Option<OffsetDateTime>,
    /// `exp`: time from which on the token is not accepted.
    pub expires_at: Option<OffsetDateTime>,
    /// `auth_time`: time of the latest authentication; `None` for a token that an OAuth client got in its own name.
    pub authenticated_at: Option<OffsetDateTime>,
    /// `acr`: the strength of that authentication; `None` where the password was its only factor (`aal1`).
    pub acr: Option<String>,
    /// `amr`: the factors of that authentication; empty where the password was the only one.
    pub amr: Vec<String>,
}

impl AuthClient {
    /// Introspects an access token for an OAuth client that may do so; `None` when the token is not active.
    pub async fn introspect(
        &self,
        client: &ClientCredentials,
        token: &str,
    ) -> Result<Option<Introspection>, AuthError> {
        let call = async |channel| {
            let request = self.request(IntrospectTokenRequest {
                token: token.to_owned(),
                client_credentials: Some(oauth_client::encode(client)),
            });
            AuthServiceClient::new(channel)
                .introspect_token(request)
                .await
        };
        // A client assertion is accepted once, so that the call must not be repeated.
        decode(self.call(CHANGE, call).await?)
    }
}

fn decode(response: IntrospectTokenResponse) -> Result<Option<Introspection>, AuthError> {
    if !response.active {
        return Ok(None);
    }
    let claims = response.claims.ok_or_else(AuthError::incomplete)?;
    Ok(Some(Introspection {
        issuer: claims.issuer,
        subject: claims.subject,
        audience: non_empty(claims.audience),
        client_id: claims.client_id,
        sid: non_empty(claims.sid),
        grant_id: non_empty(claims.grant_id),
        jti: non_empty(claims.jti),
        jkt: non_empty(claims.jkt),
        username: non_empty(claims.username),
        scope: claims.scope,
        issued_at: optional_time(claims.issued_at)?,
        expires_at: optional_time(claims.expires_at)?,
        authenticated_at: optional_time(claims.auth_time)?,
        acr: non_empty(claims.acr),
        amr: claims.amr,
    }))
}
