//! Accounts, with and without their credentials.

use time::OffsetDateTime;

use crate::{
    account::{AuthenticationVersion, CredentialKind, CredentialKinds, PasswordHash, Username},
    id::UserId,
};

/// An account without its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// `sub` of the account's tokens. It never changes and is never reused.
    pub id: UserId,
    /// The name that its owner signs in with. Unique.
    pub username: Username,
    /// Whether the scope `admin` may be granted.
    pub admin: bool,
    /// Whether sign-in is refused. A disabled account has no live login.
    pub disabled: bool,
    /// Whether an administrator requires a second factor of it, whatever the policy of the installation is.
    pub second_factor_required: bool,
    /// Time of creation, UTC, in whole milliseconds.
    pub created_at: OffsetDateTime,
    /// Time at which the current password was set, UTC, in whole milliseconds; `None` without a password.
    pub password_changed_at: Option<OffsetDateTime>,
}

/// An account with its credentials.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account itself.
    pub user: User,
    /// The hash of the current password; `None` without a password.
    pub password_hash: Option<PasswordHash>,
    /// The kinds of credentials that it can authenticate with: without recovery codes that were used.
    pub credentials: CredentialKinds,
    /// The version of its credentials. It grows with each change of one, not with a new hash of the same password.
    pub authentication_version: AuthenticationVersion,
}

impl Account {
    /// Whether sign-in is allowed.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        !self.user.disabled
    }

    /// Whether it has no password: its owner signs in by a passkey alone.
    #[must_use]
    pub const fn is_passwordless(&self) -> bool {
        !self.credentials.contains(CredentialKind::Password)
    }
}
