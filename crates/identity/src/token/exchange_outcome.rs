//! The outcomes of presenting a login ticket or refresh token.

/// What a login ticket or refresh token leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExchangeOutcome {
    /// The grant advances to the next generation.
    Advance,
    /// The grant stays at its generation, as the first one of a browser's login does.
    Keep,
    /// The previous refresh token is repeated: it is answered with the current one.
    Repeat,
    /// The login ticket or refresh token has expired.
    Expired,
    /// The login ticket or refresh token was used up: the login ends.
    Reused,
}
