//! The ports of the store: accounts, logins, OAuth clients, and the revocation log.

use async_trait::async_trait;
use time::OffsetDateTime;

pub use crate::error::StoreError;
use crate::{
    account::{Account, PasswordHash, PasswordVersion, User, Username},
    authentication::{KnownLocations, LocationTrust},
    id::{Jti, Sid, UserId},
    login::{EndReason, Generation, Login, LoginRecord, NewLogin, Rotation},
    oauth::{ClientId, OauthClient},
    revocation::{Epoch, Revocation},
};

/// The result of a change that can be made only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The change was made.
    Applied,
    /// It had been made before; nothing was written.
    AlreadyApplied,
    /// The object to change does not exist.
    NotFound,
}

/// Accounts.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Inserts an account; false if its username is taken.
    async fn insert_user(&self, account: &Account) -> Result<bool, StoreError>;

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

    /// Disables an account and ends its logins, in one transaction.
    async fn disable_user(&self, id: UserId, now: OffsetDateTime) -> Result<Change, StoreError>;

    /// Enables an account.
    async fn enable_user(&self, id: UserId) -> Result<Change, StoreError>;

    /// Deletes an account and ends its logins, in one transaction; false if there is no such account.
    async fn delete_user(&self, id: UserId, now: OffsetDateTime) -> Result<bool, StoreError>;

    /// Replaces the password of version `from` and ends all logins of the account, in one transaction. Returns the new version.
    /// `None`, and nothing is written, if there is no such account, its password has another version, or `by`, the login in which
    /// its owner changes the password, is not live at `now`.
    async fn replace_password(
        &self,
        id: UserId,
        from: PasswordVersion,
        to: &PasswordHash,
        by: Option<Sid>,
        now: OffsetDateTime,
    ) -> Result<Option<PasswordVersion>, StoreError>;

    /// Replaces the hash of the password of this version by another hash of the same password. Nothing is written if the password
    /// has another version.
    async fn replace_password_hash(
        &self,
        id: UserId,
        version: PasswordVersion,
        hash: &PasswordHash,
    ) -> Result<(), StoreError>;
}

/// Logins. An operation that ends a login appends it to the revocation log in the same transaction, while a credential of the
/// login may exist that is accepted without a look at its row: after its ticket was exchanged, until its access tokens have
/// expired.
#[async_trait]
pub trait LoginStore: Send + Sync {
    /// Starts a login and stores its known locations. `None` if the account does not exist, is disabled, or has another password
    /// version, or if the identifier is in use. Otherwise returns the oldest logins of the account, which ended because there were
    /// more than [`MAX_LIVE_LOGINS`](crate::login::MAX_LIVE_LOGINS).
    async fn insert_login(&self, login: &NewLogin) -> Result<Option<Vec<Sid>>, StoreError>;

    /// Returns which of these locations was used for a sign-in to the account after `since`. Takes the same time whether the
    /// account exists or not.
    async fn location_trust(
        &self,
        user: UserId,
        locations: KnownLocations,
        since: OffsetDateTime,
    ) -> Result<LocationTrust, StoreError>;

    /// Returns a login, live or not, and its account.
    async fn login(&self, sid: Sid) -> Result<Option<(Login, User)>, StoreError>;

    /// Returns the logins of an account that are live at `now`, the latest used first.
    async fn logins_of(
        &self,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<LoginRecord>, StoreError>;

    /// Advances a login from this generation to the next, by compare-and-set; false if the login has ended or is at another
    /// generation.
    async fn advance(
        &self,
        login: (Sid, Generation),
        rotation: &Rotation<'_>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Sets the time at which a login was last used.
    async fn update_last_seen(&self, sid: Sid, now: OffsetDateTime) -> Result<(), StoreError>;

    /// Sets the time at which a login was bound to its browser's device.
    async fn set_bound_at(&self, sid: Sid, now: OffsetDateTime) -> Result<(), StoreError>;

    /// Sets the time of the latest authentication of a login, by the password of this version; false if the login has ended or
    /// the password has another version.
    async fn update_authenticated_at(
        &self,
        sid: Sid,
        password: PasswordVersion,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Ends a login; false if it has ended already or does not exist.
    async fn end_login(
        &self,
        sid: Sid,
        reason: EndReason,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Ends a login of this account; false if the account has no such live login.
    async fn end_login_of(
        &self,
        user: UserId,
        sid: Sid,
        reason: EndReason,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Ends all logins of an account except one, if given. Returns the number of logins that ended.
    async fn end_logins_of(
        &self,
        user: UserId,
        except: Option<Sid>,
        reason: EndReason,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError>;

    /// Ends all logins of all accounts. Returns their number.
    async fn end_every_login(
        &self,
        reason: EndReason,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError>;

    /// Revokes one access token that expires at `expires_at`; false if it was revoked before.
    async fn revoke_token(&self, jti: Jti, expires_at: OffsetDateTime) -> Result<bool, StoreError>;

    /// Deletes logins and revocations that expired before `before`, and known locations that were last used longer than
    /// [`KNOWN_LOCATION_TTL`](crate::authentication::KNOWN_LOCATION_TTL) before that.
    async fn purge(&self, before: OffsetDateTime) -> Result<(), StoreError>;
}

/// OAuth clients.
#[async_trait]
pub trait ClientStore: Send + Sync {
    /// Inserts an OAuth client; false if its `client_id` is taken.
    async fn insert_client(&self, client: &OauthClient) -> Result<bool, StoreError>;

    /// Returns the OAuth client with this identifier, disabled or not.
    async fn client(&self, id: &ClientId) -> Result<Option<OauthClient>, StoreError>;

    /// Returns all OAuth clients in the order of their identifiers.
    async fn clients(&self) -> Result<Vec<OauthClient>, StoreError>;

    /// Disables an OAuth client and appends it to the revocation log, in one transaction.
    async fn disable_client(
        &self,
        id: &ClientId,
        now: OffsetDateTime,
    ) -> Result<Change, StoreError>;

    /// Replaces the SHA-256 of an OAuth client's secret.
    async fn set_client_secret(&self, id: &ClientId, hash: &[u8; 32]) -> Result<(), StoreError>;
}

/// The revocation log.
#[async_trait]
pub trait RevocationLog: Send + Sync {
    /// Returns the epoch of the store. If it has none, as a restored backup, stores and returns `fresh`.
    async fn epoch(&self, fresh: Epoch) -> Result<Epoch, StoreError>;

    /// Returns at most `limit` entries after the position `sequence`, in order.
    async fn revocations_after(
        &self,
        sequence: i64,
        limit: u32,
    ) -> Result<Vec<Revocation>, StoreError>;

    /// Deletes the epoch: the next process that opens the store begins another one.
    async fn end_epoch(&self) -> Result<(), StoreError>;

    /// Whether this access token was revoked by itself. Its login and its OAuth client are not examined.
    async fn is_revoked(&self, jti: Jti) -> Result<bool, StoreError>;
}

/// All ports of the store.
pub trait Store: AccountStore + LoginStore + RevocationLog + ClientStore {}

impl<T: AccountStore + LoginStore + RevocationLog + ClientStore> Store for T {}
