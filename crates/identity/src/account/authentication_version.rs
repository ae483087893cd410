//! The version of an account's credentials.

/// A counter of an account that grows with every change of a credential: a login starts, and an authentication counts, only if the
/// version that was authenticated is still the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticationVersion(pub i64);

impl AuthenticationVersion {
    /// The version of a new account.
    pub const FIRST: Self = Self(1);

    /// The version after the next change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
