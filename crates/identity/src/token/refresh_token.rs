//! Login tickets and refresh tokens.

use crate::{id::Sid, login::Generation};

/// Whether a credential is a login ticket or a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandleKind {
    /// A login ticket (`hft_…`), from a sign-in, exchanged for the first tokens of the login.
    LoginTicket,
    /// A refresh token (`hfr_…`), from an exchange, exchanged for the next tokens.
    RefreshToken,
}

/// The content of a login ticket or refresh token of this issuer. It contains no secret; the row of its login determines whether
/// it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshHandle {
    /// Login ticket or refresh token.
    pub kind: HandleKind,
    /// The login that it belongs to.
    pub sid: Sid,
    /// Its generation; a login ticket has generation 0.
    pub generation: Generation,
}

/// Encodes login tickets and refresh tokens with a MAC, and decodes them.
pub trait RefreshTokenCodec: Send + Sync {
    /// Returns the text of a login ticket or refresh token.
    fn encode(&self, handle: RefreshHandle) -> String;

    /// Returns the content of a text; `None` if this issuer did not make it.
    fn decode(&self, text: &str) -> Option<RefreshHandle>;
}
