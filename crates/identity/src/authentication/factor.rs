//! Factors of an authentication.

use crate::account::CredentialKind;

/// A factor that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// The account's password.
    Password,
}

impl Factor {
    /// The value of `amr` (RFC 8176).
    #[must_use]
    pub const fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
        }
    }

    /// The kind of the credential that was proved.
    #[must_use]
    pub const fn credential_kind(self) -> CredentialKind {
        match self {
            Self::Password => CredentialKind::Password,
        }
    }
}
