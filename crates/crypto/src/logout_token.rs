//! Logout tokens, JWTs of the type `logout+jwt` (OpenID Connect Back-Channel Logout 1.0 §2.4).

use holdfast_identity::{
    key::Algorithm,
    token::{LOGOUT_TOKEN_TTL, LogoutTokenClaims, LogoutTokens, SigningError},
};
use serde::Serialize;

use crate::jwt::Jwts;

/// `typ`, by which no logout token is an access token or an ID token.
const TYPE: &str = "logout+jwt";

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    sub: String,
    sid: String,
    events: Events,
}

/// The member whose presence makes the token a logout token.
#[derive(Serialize)]
struct Events {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    logout: Empty,
}

#[derive(Serialize)]
struct Empty {}

impl LogoutTokens for Jwts {
    fn sign(
        &self,
        claims: &LogoutTokenClaims<'_>,
        algorithm: Algorithm,
    ) -> Result<String, SigningError> {
        let content = Claims {
            iss: claims.issuer,
            aud: claims.client.as_str(),
            iat: claims.issued_at.unix_timestamp(),
            exp: (claims.issued_at + LOGOUT_TOKEN_TTL).unix_timestamp(),
            jti: claims.jti.to_string(),
            sub: claims.ids.subject.to_string(),
            sid: claims.ids.sid.to_string(),
            events: Events { logout: Empty {} },
        };
        self.sign_with(algorithm, claims.issued_at, TYPE, &content)
    }
}
