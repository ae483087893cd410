//! Requests for tokens of a login, and the tokens that are issued.

use std::time::Duration;

use crate::{
    call_context::CallContext,
    oauth::{ClientCredentials, OauthClient, PresentedProof, VerifiedProof},
    token::Scopes,
};

/// What a token is requested with (RFC 6749 §1.3).
#[derive(Debug)]
pub enum AuthorizationGrant {
    /// A login ticket, from a sign-in.
    LoginTicket(String),
    /// A refresh token, from an earlier exchange.
    RefreshToken(String),
}

/// A request for tokens of a login.
#[derive(Debug)]
pub struct TokenRequest {
    /// The login ticket or refresh token.
    pub grant: AuthorizationGrant,
    /// `aud` of the access token; `None` for the default audience.
    pub audience: Option<String>,
    /// Requested scopes. Empty requests the default: `profile` with a login ticket, everything granted with a refresh token.
    pub scopes: Scopes,
    /// Credentials of the OAuth client that presents a refresh token. A public one may omit them.
    pub client: Option<ClientCredentials>,
    /// A DPoP proof of the key that the tokens are to be bound to.
    pub proof: Option<PresentedProof>,
}

/// Tokens that were issued.
#[derive(Debug)]
pub struct IssuedTokens {
    /// The signed access token, a JWT.
    pub access_token: String,
    /// Lifetime of the access token, from now.
    pub expires_in: Duration,
    /// The current refresh token of the grant; `None` where the OAuth client was not granted `offline_access`.
    pub refresh_token: Option<String>,
    /// The ID token; `None` without the scope `openid`.
    pub id_token: Option<String>,
    /// Scopes of the access token.
    pub scopes: Scopes,
    /// Whether the access token is bound to a key.
    pub is_bound: bool,
}

/// A request whose parts were verified independently of its login.
pub(super) struct Exchange<'a> {
    pub(super) request: &'a TokenRequest,
    pub(super) context: &'a CallContext,
    pub(super) audience: &'a str,
    /// The OAuth client that authenticated itself.
    pub(super) client: Option<&'a OauthClient>,
    pub(super) proof: Option<&'a VerifiedProof>,
    /// Whether the state of the grant is read for the first time.
    pub(super) is_first_attempt: bool,
}
