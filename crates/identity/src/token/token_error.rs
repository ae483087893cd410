//! Reasons for which an access token is not valid.

/// Why an access token is not valid.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// It does not have the form of this issuer's tokens.
    #[error("the access token is malformed")]
    Malformed,
    /// No key of this issuer verifies its signature.
    #[error("the access token's signature is not valid")]
    BadSignature,
    /// `iss` is another issuer.
    #[error("the access token is from another issuer")]
    WrongIssuer,
    /// `aud` is another audience.
    #[error("the access token is for another audience")]
    WrongAudience,
    /// `iat` is in the future, by more than [`LEEWAY`](crate::leeway::LEEWAY).
    #[error("the access token is not valid yet")]
    NotYetValid,
    /// `exp` has passed, or its lifetime exceeds the configured one.
    #[error("the access token has expired")]
    Expired,
    /// It was revoked by itself, with its grant, or with its OAuth client.
    #[error("the access token was revoked")]
    Revoked,
    /// Its login ended.
    #[error("the login has ended")]
    LoginEnded,
    /// It was presented with a DPoP proof, and is a bearer token.
    #[error("the access token is bound to no key; present it as Bearer")]
    NotBound,
}
