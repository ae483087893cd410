//! Accounts.

use time::OffsetDateTime;

use crate::{
    account::{PasswordHash, PasswordVersion, Username},
    id::UserId,
};

/// An account as others may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Never changes and is never used again.
    pub id: UserId,
    /// The name to sign in with.
    pub username: Username,
    /// Whether the scope `admin` may be granted.
    pub admin: bool,
    /// Whether sign-in is refused.
    pub disabled: bool,
    /// When the account was made.
    pub created_at: OffsetDateTime,
    /// When the password was last set.
    pub password_changed_at: OffsetDateTime,
}

/// An account with what proves its owner.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account.
    pub user: User,
    /// What the password is checked against.
    pub password_hash: PasswordHash,
    /// Which password it is; goes up with every change.
    pub password_version: PasswordVersion,
}

impl Account {
    /// Whether its owner may sign in.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        !self.user.disabled
    }
}
