//! Logout tokens: what a relying party learns about the end of a session (OpenID Connect Back-Channel Logout 1.0 §2.4).

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    id::Jti,
    key::Algorithm,
    oauth::{ClientId, SubjectIds},
    token::SigningError,
};

/// Lifetime of a logout token, the maximum that the specification recommends. Each attempt to deliver one signs another.
pub const LOGOUT_TOKEN_TTL: Duration = Duration::from_mins(2);

/// The claims of a logout token, besides `events`. It has no `nonce`, so that it cannot be taken for an ID token.
#[derive(Clone, Debug)]
pub struct LogoutTokenClaims<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `aud`: the relying party.
    pub client: &'a ClientId,
    /// `iat`, UTC, in whole seconds; `exp` is [`LOGOUT_TOKEN_TTL`] later.
    pub issued_at: OffsetDateTime,
    /// `jti`, of this token alone.
    pub jti: Jti,
    /// `sub` and `sid`, as in the ID tokens of the session.
    pub ids: SubjectIds,
}

/// Signs logout tokens.
pub trait LogoutTokens: Send + Sync {
    /// Returns the JWT with these claims, signed by the key of this algorithm.
    fn sign(
        &self,
        claims: &LogoutTokenClaims<'_>,
        algorithm: Algorithm,
    ) -> Result<String, SigningError>;
}
