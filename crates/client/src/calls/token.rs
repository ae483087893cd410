//! Tokens of a login.

use std::time::Duration;

use auth_proto::v1::{
    self, IssueTokenRequest, IssueTokenResponse, auth_service_client::AuthServiceClient,
    issue_token_request,
};
use holdfast_core::client_info::ClientInfo;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    auth_client::AuthClient,
    authorization::{DpopProof, encode_proof},
    calls::oauth_client::{self, ClientCredentials},
    client_info,
    error::AuthError,
    transport::response::non_empty,
    transport::retry_policy::CHANGE,
};

/// What is exchanged for an access token.
#[derive(Debug)]
pub enum AuthorizationGrant<'a> {
    /// The login ticket of a sign-in, accepted once within 60 seconds.
    LoginTicket(&'a SecretString),
    /// The refresh token of an earlier exchange.
    RefreshToken(&'a SecretString),
}

/// An authorization code with what its OAuth client knows of the request that it answers (RFC 6749 §4.1.3).
#[derive(Debug)]
pub struct CodeExchange<'a> {
    /// The code.
    pub code: &'a SecretString,
    /// The redirect URI of the authorization request.
    pub redirect_uri: &'a str,
    /// The code verifier (RFC 7636 §4.5).
    pub verifier: &'a SecretString,
    /// The credentials of the OAuth client; of a public one its `client_id`.
    pub client: &'a ClientCredentials,
    /// The audience of the access token (RFC 8707); empty for the one that was granted.
    pub audience: &'a str,
}

/// Where the issued tokens are kept.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// By a program, with the source of its request.
    Program(&'a ClientInfo),
    /// By web-service, in the session record of a browser. Its refresh token does not rotate.
    Browser,
}

/// The result of an exchange (RFC 6749 §5.1).
#[derive(Debug)]
pub struct Tokens {
    /// The JWT.
    pub access_token: SecretString,
    /// `Bearer`, or `DPoP` for a token that is bound to a key.
    pub token_type: String,
    /// Time until the access token expires.
    pub expires_in: Duration,
    /// The refresh token that replaces the one exchanged; `None` for an OAuth client in its own name, and without the scope
    /// `offline_access` of an authorization.
    pub refresh_token: Option<SecretString>,
    /// Granted scope, names separated by blanks.
    pub scope: String,
    /// The ID token (OpenID Connect Core 1.0 §2); `None` without the scope `openid` of an authorization.
    pub id_token: Option<SecretString>,
    /// Nonce for the next `DPoP` proof (RFC 9449 §8.2); `None` where the request had no proof.
    pub dpop_nonce: Option<String>,
}

impl AuthClient {
    /// Exchanges a login ticket or a refresh token for an access token. An empty `scope` stands for all that the login allows.
    pub async fn issue_token(
        &self,
        grant: AuthorizationGrant<'_>,
        scope: &str,
        holder: Holder<'_>,
        proof: Option<&DpopProof>,
    ) -> Result<Tokens, AuthError> {
        let request = IssueTokenRequest {
            grant: Some(encode_grant(&grant)),
            scope: scope.to_owned(),
            client: Some(encode_holder(holder)),
            dpop: proof.map(encode_proof),
            ..Default::default()
        };
        self.issue(request).await
    }

    /// Exchanges a refresh token for an OAuth client (RFC 6749 §6). Its credentials may be absent if it is public.
    pub async fn refresh_for_client(
        &self,
        refresh_token: &SecretString,
        client: Option<&ClientCredentials>,
        scope: &str,
        source: &ClientInfo,
        proof: Option<&DpopProof>,
    ) -> Result<Tokens, AuthError> {
        let request = IssueTokenRequest {
            grant: Some(encode_grant(&AuthorizationGrant::RefreshToken(
                refresh_token,
            ))),
            scope: scope.to_owned(),
            client: Some(client_info::encode(source)),
            client_authentication: client.map(oauth_client::encode),
            dpop: proof.map(encode_proof),
            ..Default::default()
        };
        self.issue(request).await
    }

    /// Exchanges an authorization code for an OAuth client. `CODE_INVALID` and `CODE_REUSED` for a code that is not accepted.
    pub async fn exchange_code(
        &self,
        exchange: &CodeExchange<'_>,
        source: &ClientInfo,
        proof: Option<&DpopProof>,
    ) -> Result<Tokens, AuthError> {
        let code = v1::AuthorizationCode {
            code: exchange.code.expose_secret().to_owned(),
            redirect_uri: exchange.redirect_uri.to_owned(),
            code_verifier: exchange.verifier.expose_secret().to_owned(),
        };
        let request = IssueTokenRequest {
            grant: Some(issue_token_request::Grant::AuthorizationCode(code)),
            audience: exchange.audience.to_owned(),
            client: Some(client_info::encode(source)),
            client_authentication: Some(oauth_client::encode(exchange.client)),
            dpop: proof.map(encode_proof),
            ..Default::default()
        };
        self.issue(request).await
    }

    pub(super) async fn issue(&self, message: IssueTokenRequest) -> Result<Tokens, AuthError> {
        let call = async |channel| {
            let request = self.request(message.clone());
            AuthServiceClient::new(channel).issue_token(request).await
        };
        self.call(CHANGE, call).await?.try_into()
    }
}

fn encode_grant(grant: &AuthorizationGrant<'_>) -> issue_token_request::Grant {
    match grant {
        AuthorizationGrant::LoginTicket(ticket) => {
            issue_token_request::Grant::LoginTicket(ticket.expose_secret().to_owned())
        }
        AuthorizationGrant::RefreshToken(token) => {
            issue_token_request::Grant::RefreshToken(token.expose_secret().to_owned())
        }
    }
}

/// For a browser, auth-service uses nothing but the kind.
fn encode_holder(holder: Holder<'_>) -> v1::Client {
    match holder {
        Holder::Program(program) => client_info::encode(program),
        Holder::Browser => v1::Client {
            kind: v1::ClientKind::Browser.into(),
            ..Default::default()
        },
    }
}

impl TryFrom<IssueTokenResponse> for Tokens {
    type Error = AuthError;

    fn try_from(response: IssueTokenResponse) -> Result<Self, AuthError> {
        let expires_in = response.expires_in.ok_or_else(AuthError::incomplete)?;
        Ok(Self {
            access_token: response.access_token.into(),
            token_type: response.token_type,
            expires_in: expires_in.try_into().map_err(|_| AuthError::incomplete())?,
            refresh_token: non_empty(response.refresh_token).map(SecretString::from),
            scope: response.scope,
            id_token: non_empty(response.id_token).map(SecretString::from),
            dpop_nonce: non_empty(response.dpop_nonce),
        })
    }
}
