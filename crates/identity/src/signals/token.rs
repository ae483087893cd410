//! Security Event Tokens (RFC 8417), as OpenID Shared Signals Framework 1.0 §4.1 profiles them.

use time::OffsetDateTime;

use crate::{id::StreamId, key::Algorithm, oauth::ClientId, signals::Signal, token::SigningError};

/// An event, as a token contains it. `iat` and the time of the event are the same, so that every token of an event has the same claims.
#[derive(Clone, Copy, Debug)]
pub struct SecurityEvent<'a> {
    /// `iss`, also of the subject.
    pub issuer: &'a str,
    /// `aud`: the receiver.
    pub audience: &'a ClientId,
    /// The stream, which is the subject of a verification.
    pub stream: StreamId,
    /// `jti`.
    pub jti: &'a str,
    /// Time of the signature, which decides about the key, UTC.
    pub signed_at: OffsetDateTime,
    /// The event.
    pub signal: &'a Signal,
}

/// Signs Security Event Tokens.
pub trait SecurityEventTokens: Send + Sync {
    /// Returns the JWT of the type `secevent+jwt` with these claims, signed by the current key of this algorithm.
    fn sign(&self, event: &SecurityEvent<'_>, algorithm: Algorithm)
    -> Result<String, SigningError>;
}
