//! Credentials of accounts.

/// The kind of a credential, with its name in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A password, of which an account has at most one.
    Password,
}

impl CredentialKind {
    /// Returns the name: `password`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
        }
    }
}
