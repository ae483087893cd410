//! The token response of `/api/login` and `/api/refresh` (RFC 6749 §5.1).

use holdfast_client::Tokens;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Tokens, example = json!({"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 900, "refresh_token": "hfr_…", "scope": "profile"}))]
pub(in crate::http) struct TokenResponse {
    access_token: String,
    token_type: String,
    expires_in: u64,
    refresh_token: String,
    scope: String,
}

impl From<Tokens> for TokenResponse {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access_token.expose_secret().to_owned(),
            token_type: tokens.token_type,
            expires_in: tokens.expires_in.as_secs(),
            refresh_token: tokens
                .refresh_token
                .map(|token| token.expose_secret().to_owned())
                .unwrap_or_default(),
            scope: tokens.scope,
        }
    }
}
