//! Login tickets and refresh tokens.

use crate::{
    id::{GrantId, Sid},
    login::Generation,
};

/// The content of a login ticket or refresh token of this issuer. It contains no secret; the rows of its login and grant determine
/// whether it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshHandle {
    /// A login ticket (`hft_…`), from a sign-in, exchanged for the first tokens of the login.
    LoginTicket(Sid),
    /// A refresh token (`hfr_…`) of this generation, from an exchange, exchanged for the next tokens of the grant.
    RefreshToken(GrantId, Generation),
}

/// Encodes login tickets and refresh tokens with a MAC, and decodes them.
pub trait RefreshTokenCodec: Send + Sync {
    /// Returns the text of a login ticket or refresh token.
    fn encode(&self, handle: RefreshHandle) -> String;

    /// Returns the content of a text; `None` if this issuer did not make it.
    fn decode(&self, text: &str) -> Option<RefreshHandle>;
}
