//! ID tokens: what a relying party learns about a sign-in (OpenID Connect Core 1.0 §2).

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    account::Username,
    authentication::Factors,
    key::Algorithm,
    oauth::{ClientId, SubjectIds},
    token::SigningError,
};

/// Lifetime of an ID token, or that of an access token, if that is shorter. A relying party verifies it when it arrives.
pub const ID_TOKEN_TTL: Duration = Duration::from_mins(10);

/// The claims of an ID token.
#[derive(Clone, Debug)]
pub struct IdTokenClaims<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `sub`: the account; and `sid`: the login, by which the relying party is told of its end.
    pub ids: SubjectIds,
    /// `aud`: the relying party.
    pub client: &'a ClientId,
    /// `iat`, UTC, in whole seconds.
    pub issued_at: OffsetDateTime,
    /// `exp`, UTC, in whole seconds.
    pub expires_at: OffsetDateTime,
    /// `auth_time`: time of the latest authentication, UTC, in whole seconds.
    pub authenticated_at: OffsetDateTime,
    /// `amr` and `acr`: the factors of that authentication.
    pub factors: &'a Factors,
    /// `nonce` of the authorization request; absent at a refresh.
    pub nonce: Option<&'a str>,
    /// `preferred_username`: the username, where the scope `profile` was granted.
    pub username: Option<&'a Username>,
    /// The access token that it is issued with, of which `at_hash` is made.
    pub access_token: &'a str,
}

/// What an ID token of this issuer says that a relying party presents as a hint; it may have expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdTokenHint {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub client: ClientId,
    /// `sub` and `sid`.
    pub ids: SubjectIds,
}

/// Signs ID tokens, and verifies those that come back as hints.
pub trait IdTokens: Send + Sync {
    /// Returns the JWT with these claims, signed by the key of this algorithm.
    fn sign(
        &self,
        claims: &IdTokenClaims<'_>,
        algorithm: Algorithm,
    ) -> Result<String, SigningError>;

    /// Returns the claims of an ID token whose signature a published key verifies, whenever it was issued (OpenID Connect RP-Initiated Logout
    /// 1.0 §2); `None` for any other text.
    fn verify(&self, token: &str) -> Option<IdTokenHint>;
}
