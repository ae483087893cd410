//! Reasons for the end of a login.

/// Why a login or a grant ended before its expiry. Stored with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The account's owner signed out, or the OAuth client revoked the refresh token.
    SignedOut,
    /// A login ticket or refresh token that was used up was presented again.
    Reused,
    /// The account's password was changed or set.
    PasswordChanged,
    /// A factor of the account was removed or required.
    FactorsChanged,
    /// The account was disabled.
    AccountDisabled,
    /// The account was deleted.
    AccountDeleted,
    /// The account's owner ended it from another login.
    EndedElsewhere,
    /// An administrator ended it.
    Administrator,
    /// The account had more than [`MAX_LIVE_LOGINS`](crate::login::MAX_LIVE_LOGINS), and this was the oldest.
    TooMany,
    /// The operator ended it on the command line.
    Operator,
    /// The OAuth client of the grant was disabled.
    ClientDisabled,
    /// Its end was lost by a failover of the database, and restored from the memory of an instance.
    Restored,
    /// Its session cookie came from another device without a device proof.
    Stolen,
}

impl EndReason {
    /// Whether the end of a grant for this reason ends the session of its relying party, also where that has another live grant in the login.
    /// An OAuth client that revokes the refresh token of an earlier grant, or has too many, keeps its session.
    #[must_use]
    pub const fn ends_session(self) -> bool {
        match self {
            Self::SignedOut | Self::TooMany => false,
            Self::Reused
            | Self::PasswordChanged
            | Self::FactorsChanged
            | Self::AccountDisabled
            | Self::AccountDeleted
            | Self::EndedElsewhere
            | Self::Administrator
            | Self::Operator
            | Self::ClientDisabled
            | Self::Restored
            | Self::Stolen => true,
        }
    }
}
