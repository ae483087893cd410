//! Credentials that an OAuth client presents, and the port that verifies them.

use holdfast_core::invalid_key::InvalidKey;
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::oauth::ClientId;

/// What an OAuth client presents to authenticate itself (RFC 6749 §2.3).
#[derive(Debug)]
pub struct ClientCredentials {
    /// The presented `client_id`; may be empty with an assertion, which contains it.
    pub id: String,
    /// The secret or the assertion.
    pub authentication: ClientAuthentication,
}

/// How an OAuth client authenticates itself in a request.
#[derive(Debug)]
pub enum ClientAuthentication {
    /// Not at all: a public client.
    None,
    /// By its secret.
    Secret(SecretString),
    /// By a JWT that it signed (RFC 7523 §2.2).
    Assertion(String),
}

/// The claims of a client assertion whose signature and form were verified (RFC 7523 §3).
#[derive(Clone, Debug)]
pub struct Assertion {
    /// `iss`, which must be the `client_id`.
    pub issuer: String,
    /// `sub`, which must be the `client_id`.
    pub subject: String,
    /// `aud`, one or several.
    pub audiences: Vec<String>,
    /// `exp`, UTC.
    pub expires_at: OffsetDateTime,
    /// `nbf`, UTC, if it is there.
    pub not_before: Option<OffsetDateTime>,
    /// `jti`, which may be used once.
    pub id: String,
}

/// Generates and verifies credentials of OAuth clients.
pub trait ClientCredentialVerifier: Send + Sync {
    /// Generates the identifier of an OAuth client: 128 random bits.
    fn generate_id(&self) -> ClientId;

    /// Generates a secret, and returns it with its SHA-256.
    fn generate_secret(&self) -> (SecretString, [u8; 32]);

    /// Whether `hash` is the SHA-256 of this secret, in constant time.
    fn verify_secret(&self, secret: &SecretString, hash: &[u8; 32]) -> bool;

    /// Parses a JWK in JSON as a public key of Ed25519 or P-256, and returns its canonical form.
    fn parse_key(&self, jwk: &str) -> Result<String, InvalidKey>;

    /// Returns the claims of an assertion whose form is valid and whose signature this key verifies. `None` otherwise, and for a key
    /// that [`parse_key`](Self::parse_key) would refuse.
    fn verify_assertion(&self, assertion: &str, jwk: &str) -> Option<Assertion>;

    /// Returns `iss` of a JWT without verifying it.
    fn unverified_issuer(&self, assertion: &str) -> Option<String>;
}
