//! The port for accounts.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    account::{Account, AuthenticationVersion, PasswordHash, User, Username},
    audit::AuditEvent,
    id::{Sid, UserId},
    store::{Change, StoreError},
};

/// Accounts with their passwords. A change of a password or the end of an account ends its logins in the same transaction.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Inserts an account; false if its username is taken.
    async fn insert_user(
        &self,
        account: &Account,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Returns the account with this identifier.
    async fn account(&self, id: UserId) -> Result<Option<Account>, StoreError>;

    /// Returns the account with this username.
    async fn account_by_name(&self, username: &Username) -> Result<Option<Account>, StoreError>;

    /// Returns at most `limit` accounts in the order of usernames, from the first one after `after`.
    async fn users_after(
        &self,
        after: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError>;

    /// Disables an account and ends its logins. Logins are ended, without events, also where it was disabled before.
    async fn disable_user(
        &self,
        id: UserId,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Change, StoreError>;

    /// Enables an account.
    async fn enable_user(&self, id: UserId, events: &[AuditEvent]) -> Result<Change, StoreError>;

    /// Deletes an account and ends its logins; false if there is no such account.
    async fn delete_user(
        &self,
        id: UserId,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Replaces the password, ends all logins of the account and deletes its known locations. Returns the new authentication version.
    /// `None`, and nothing is written, if there is no such account, its authentication version is not `from`, or `by`, the login in
    /// which its owner changes the password, is not live at `now`.
    async fn replace_password(
        &self,
        id: UserId,
        from: AuthenticationVersion,
        to: &PasswordHash,
        by: Option<Sid>,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Option<AuthenticationVersion>, StoreError>;

    /// Replaces the hash of the password by another hash of the same password. Nothing is written if the account has another
    /// authentication version.
    async fn replace_password_hash(
        &self,
        id: UserId,
        version: AuthenticationVersion,
        hash: &PasswordHash,
    ) -> Result<(), StoreError>;
}
