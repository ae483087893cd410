//! The credentials of a login that are not access tokens.

use crate::{id::Sid, login::Generation};

/// Which of a login's own credentials a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandleKind {
    /// From a sign-in, for one exchange.
    LoginTicket,
    /// From an exchange, for the next access token.
    RefreshToken,
}

/// A login ticket or a refresh token that this issuer made. It holds no secret of its own: the login's row says what it
/// is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshHandle {
    /// Ticket or refresh token.
    pub kind: HandleKind,
    /// The login it belongs to.
    pub sid: Sid,
    /// Its place in the line.
    pub generation: Generation,
}
