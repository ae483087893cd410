//! Validation of an access token by auth-service.

use auth_proto::v1::{
    self, ValidateTokenRequest, ValidateTokenResponse, auth_service_client::AuthServiceClient,
};
use time::OffsetDateTime;

use crate::{
    auth_client::AuthClient,
    authorization::{DpopProof, encode_proof},
    error::AuthError,
    transport::response::{non_empty, optional_time, time},
    transport::retry_policy::{CHANGE, READ},
};

/// The claims of a valid access token.
#[derive(Debug)]
pub struct Claims {
    /// Username of the account; `None` for a token that an OAuth client got in its own name.
    pub username: Option<String>,
    /// `sub`: identifier of the account, or of the OAuth client for a token of its own.
    pub subject: String,
    /// `sid`: identifier of the login; `None` for a token that an OAuth client got in its own name.
    pub sid: Option<String>,
    /// The grant that the token was issued by; `None` for the grant that the login began with, which ends with the login, and for a
    /// token that an OAuth client got in its own name.
    pub grant_id: Option<String>,
    /// `jti`: identifier of the token.
    pub jti: String,
    /// `client_id`: the OAuth client that the token was issued to.
    pub client_id: String,
    /// `scope`: names separated by blanks.
    pub scope: String,
    /// `exp`: time from which on the token is not accepted.
    pub expires_at: OffsetDateTime,
    /// `auth_time`: time of the latest authentication; `None` for a token that an OAuth client got in its own name.
    pub authenticated_at: Option<OffsetDateTime>,
    /// `acr`: the strength of that authentication; `None` where the password was its only factor (`aal1`).
    pub acr: Option<String>,
    /// `amr`: the factors of that authentication; empty where the password was the only one.
    pub amr: Vec<String>,
    /// Nonce for the next `DPoP` proof (RFC 9449 §9); `None` where the request had no proof.
    pub dpop_nonce: Option<String>,
}

impl AuthClient {
    /// Validates an access token for `audience`, or for the issuer's first audience where that is empty, that must have all of
    /// `scopes`. Each call reaches auth-service; see [`CachingTokenVerifier`](crate::CachingTokenVerifier) for one that does not.
    pub async fn validate(
        &self,
        access_token: &str,
        proof: Option<&DpopProof>,
        audience: &str,
        scopes: &[&str],
    ) -> Result<Claims, AuthError> {
        let call = async |channel| {
            let request = self.request(ValidateTokenRequest {
                access_token: access_token.to_owned(),
                audience: audience.to_owned(),
                required_scopes: scopes.iter().map(ToString::to_string).collect(),
                consistency: v1::Consistency::Local.into(),
                dpop: proof.map(encode_proof),
                required_acr: String::new(),
            });
            AuthServiceClient::new(channel)
                .validate_token(request)
                .await
        };
        // A proof is accepted once, so that such a call must not be repeated.
        let policy = if proof.is_some() { CHANGE } else { READ };
        self.call(policy, call).await?.try_into()
    }
}

impl TryFrom<ValidateTokenResponse> for Claims {
    type Error = AuthError;

    fn try_from(response: ValidateTokenResponse) -> Result<Self, AuthError> {
        let claims = response.claims.ok_or_else(AuthError::incomplete)?;
        Ok(Self {
            username: non_empty(claims.username),
            subject: claims.subject,
            sid: non_empty(claims.sid),
            grant_id: non_empty(claims.grant_id),
            jti: claims.jti,
            client_id: claims.client_id,
            scope: claims.scope,
            expires_at: time(claims.expires_at)?,
            authenticated_at: optional_time(claims.auth_time)?,
            acr: non_empty(claims.acr),
            amr: claims.amr,
            dpop_nonce: non_empty(response.dpop_nonce),
        })
    }
}
