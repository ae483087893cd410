//! Authorization codes, and the port that seals them and the requests that they answer.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    id::{GrantId, Sid},
    oauth::{AuthorizationFlow, ClientId, CodeChallenge, CodeVerifier, KeyThumbprint},
    token::Scopes,
};

/// Lifetime of an authorization code.
pub const CODE_TTL: Duration = Duration::from_mins(1);

/// An authorization code (RFC 6749 §1.3.1). It is not stored: the browser carries it, sealed, to the relying party. The identifier of the
/// grant that it becomes makes it one-time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// The grant that its exchange begins.
    pub grant: GrantId,
    /// The login that the grant belongs to.
    pub sid: Sid,
    /// The OAuth client that may exchange it.
    pub client: ClientId,
    /// The redirect URI that it was sent to, which the exchange must repeat (RFC 6749 §4.1.3).
    pub redirect_uri: String,
    /// The challenge whose verifier the exchange must present.
    pub code_challenge: CodeChallenge,
    /// `nonce` of the ID token.
    pub nonce: Option<String>,
    /// Scopes that were granted.
    pub scopes: Scopes,
    /// The only audience of the access tokens.
    pub audience: String,
    /// The key that the tokens must be bound to (`dpop_jkt`, RFC 9449 §10); `None` for any, or none.
    pub key: Option<KeyThumbprint>,
    /// Scopes that the account's owner has consented to in all, which the exchange stores.
    pub consented: Scopes,
    /// Time from which on it is refused, UTC, in whole seconds.
    pub expires_at: OffsetDateTime,
}

/// Seals authorization codes, and the state of authorization requests that browsers keep.
pub trait AuthorizationCodec: Send + Sync {
    /// Returns the text of a code.
    fn seal_code(&self, code: &AuthorizationCode) -> String;

    /// Returns the content of a code; `None` if this issuer did not make it. Its expiry is not checked.
    fn open_code(&self, text: &str) -> Option<AuthorizationCode>;

    /// Returns the text of a flow.
    fn seal_flow(&self, flow: &AuthorizationFlow) -> String;

    /// Returns the content of a flow; `None` if this issuer did not make it. Its expiry is not checked.
    fn open_flow(&self, text: &str) -> Option<AuthorizationFlow>;

    /// Whether `challenge` is that of `verifier` (RFC 7636 §4.6).
    fn has_verifier(&self, challenge: &CodeChallenge, verifier: &CodeVerifier) -> bool;
}
