//! What the domain needs from outside.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
pub use holdfast_core::{clock::Clock, random::Random};
use time::OffsetDateTime;

use crate::{
    account::{Account, Password, PasswordHash, PasswordVersion, User, Username},
    authentication::{KnownLocations, LocationTrust},
    error::Fault,
    id::{Jti, Sid, UserId},
    key::StoredSigningKey,
    login::{EndReason, Generation, Login, LoginRecord, NewLogin, Rotation},
    oauth::{ClientId, OauthClient},
    revocation::{Epoch, Revocation, RevocationStatus},
    token::{Claims, RefreshHandle, TokenError},
};

/// Hashes and checks passwords, a bounded number at a time.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a password with the parameters of today.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HasherError>;

    /// Checks a password. Without a hash to check against it does the same work and says no.
    async fn verify(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, HasherError>;

    /// Whether a hash cost less than one costs today.
    fn is_outdated(&self, hash: &PasswordHash) -> bool;
}

/// Why a password was not hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum HasherError {
    /// Too many are waiting.
    #[error("too many passwords are being checked")]
    Overloaded {
        /// When to come back.
        retry_after: Duration,
    },
    /// The stored hash cannot be read, or memory ran out.
    #[error("password hashing failed: {0}")]
    Broken(String),
}

/// Signs access tokens and opens them again.
pub trait AccessTokens: Send + Sync {
    /// The signed token that says `claims`.
    fn sign(&self, claims: &Claims) -> Result<String, SigningFailed>;

    /// What a token says, once its form and signature hold; times and audience are the caller's to check.
    fn open(&self, token: &str) -> Result<Arc<Claims>, TokenError>;
}

/// The keys that others verify with.
pub trait PublishedKeys: Send + Sync {
    /// Every key whose tokens may be valid at `at` or soon after, the one that signs then first.
    fn published(&self, at: OffsetDateTime) -> Vec<StoredSigningKey>;
}

/// Replaces the key that signs.
#[async_trait]
pub trait KeyRotation: Send + Sync {
    /// Publishes a new key, which signs once everybody can know it. Gives its `kid`, or `None` when another one is on its way
    /// already.
    async fn rotate(&self) -> Result<Option<String>, Fault>;
}

/// The signing key did not sign.
#[derive(Debug, thiserror::Error)]
#[error("signing failed: {0}")]
pub struct SigningFailed(pub String);

/// Writes login tickets and refresh tokens and reads them again.
pub trait RefreshTokenCodec: Send + Sync {
    /// The text of a credential.
    fn seal(&self, credential: RefreshHandle) -> String;

    /// The credential that a text is; `None` for any text that this issuer did not make.
    fn open(&self, text: &str) -> Option<RefreshHandle>;
}

/// Why the store gave no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It failed or did not answer in time.
    #[error("the store failed: {0}")]
    Unavailable(String),
    /// It answered with what cannot be.
    #[error("the store holds what it cannot: {0}")]
    Corrupt(String),
}

/// What became of a change that can be made only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was made.
    Made,
    /// It had been made before; nothing was written.
    MadeBefore,
    /// There is nothing that could be changed.
    NotFound,
}

/// Accounts.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds an account; false if its name is taken.
    async fn insert_user(&self, account: &Account) -> Result<bool, StoreError>;

    /// Finds an account by its identifier.
    async fn account(&self, id: UserId) -> Result<Option<Account>, StoreError>;

    /// Finds an account by its name.
    async fn account_by_name(&self, username: &Username) -> Result<Option<Account>, StoreError>;

    /// The accounts after `after` in the order of names, at most `limit`.
    async fn users_after(
        &self,
        after: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError>;

    /// Disables an account and ends its logins, in one transaction.
    async fn disable_user(&self, id: UserId, now: OffsetDateTime) -> Result<Change, StoreError>;

    /// Enables an account.
    async fn enable_user(&self, id: UserId) -> Result<Change, StoreError>;

    /// Removes an account and ends its logins, in one transaction; false if there is no such account.
    async fn delete_user(&self, id: UserId, now: OffsetDateTime) -> Result<bool, StoreError>;

    /// Replaces the password of version `from` and ends all logins, in one transaction; gives the new version. Nothing is
    /// replaced if there is no such account, its password has another version by now, or `by`, the login through which
    /// its owner asks, is not alive any more.
    async fn replace_password(
        &self,
        id: UserId,
        from: PasswordVersion,
        to: &PasswordHash,
        by: Option<Sid>,
        now: OffsetDateTime,
    ) -> Result<Option<PasswordVersion>, StoreError>;

    /// Replaces the hash of the password of this version by another one of the same password.
    async fn rehash(
        &self,
        id: UserId,
        version: PasswordVersion,
        hash: &PasswordHash,
    ) -> Result<(), StoreError>;
}

/// Logins. Whatever ends one appends it to the sequence of revocations in the same transaction, where a credential of it is out
/// that does not need its row: not before its ticket was exchanged, and not once its access tokens are dead.
#[async_trait]
pub trait Logins: Send + Sync {
    /// Begins a login, and remembers where from; `None` if the account is gone, disabled, or has another password by now, or if
    /// there is a login with this identifier.
    /// Beyond [`MAX_LIVE_LOGINS`](crate::login::MAX_LIVE_LOGINS) the person's oldest ones end: gives which.
    async fn insert_login(&self, login: &NewLogin) -> Result<Option<Vec<Sid>>, StoreError>;

    /// From which of these places somebody signed in to this account after `since`. Takes the same time whether there is such
    /// an account or not.
    async fn knows_place(
        &self,
        user: UserId,
        places: KnownLocations,
        since: OffsetDateTime,
    ) -> Result<LocationTrust, StoreError>;

    /// Finds a login and whose it is.
    async fn login(&self, sid: Sid) -> Result<Option<(Login, User)>, StoreError>;

    /// A person's logins that live at `now`, the one last seen first.
    async fn logins_of(
        &self,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<LoginRecord>, StoreError>;

    /// Moves on from this generation to the next; false if the login has ended or moved on.
    async fn advance(
        &self,
        login: (Sid, Generation),
        rotation: &Rotation<'_>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Notes that a login was used.
    async fn note_seen(&self, sid: Sid, now: OffsetDateTime) -> Result<(), StoreError>;

    /// Notes that a login is bound to its browser's device.
    async fn note_bound(&self, sid: Sid, now: OffsetDateTime) -> Result<(), StoreError>;

    /// Notes that the owner of a login proved again who they are, with the password of this version; false if the login has
    /// ended or the password is another one by now.
    async fn reauthenticated(
        &self,
        sid: Sid,
        password: PasswordVersion,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Ends a login; false if it has ended already, or never was.
    async fn end_login(
        &self,
        sid: Sid,
        reason: EndReason,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Ends a login of this person; false if they have none such that lives.
    async fn end_login_of(
        &self,
        user: UserId,
        sid: Sid,
        reason: EndReason,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Ends all logins of a person, but perhaps one; says how many.
    async fn end_logins_of(
        &self,
        user: UserId,
        but: Option<Sid>,
        reason: EndReason,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError>;

    /// Ends every login of everybody; says how many.
    async fn end_every_login(
        &self,
        reason: EndReason,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError>;

    /// Revokes one access token that expires at `expires_at`; false if it was revoked before.
    async fn revoke_token(&self, jti: Jti, expires_at: OffsetDateTime) -> Result<bool, StoreError>;

    /// Forgets logins and revocations that expired before `before`, and places that were not seen since
    /// [`KNOWN_FOR`](crate::authentication::KNOWN_FOR) before that.
    async fn purge(&self, before: OffsetDateTime) -> Result<(), StoreError>;
}

/// Clients.
#[async_trait]
pub trait Clients: Send + Sync {
    /// Adds a client; false if its name is taken.
    async fn insert_client(&self, client: &OauthClient) -> Result<bool, StoreError>;

    /// Finds a client.
    async fn client(&self, id: &ClientId) -> Result<Option<OauthClient>, StoreError>;

    /// All of them, by name.
    async fn clients(&self) -> Result<Vec<OauthClient>, StoreError>;

    /// Ends a client and appends it to the sequence of revocations, in one transaction.
    async fn disable_client(
        &self,
        id: &ClientId,
        now: OffsetDateTime,
    ) -> Result<Change, StoreError>;

    /// Replaces what is kept of a client's secret.
    async fn set_client_secret(&self, id: &ClientId, hash: &[u8; 32]) -> Result<(), StoreError>;
}

/// The sequence of revocations.
#[async_trait]
pub trait Revocations: Send + Sync {
    /// The history that the store has; `fresh` becomes it where there is none, as in a restored copy.
    async fn epoch(&self, fresh: Epoch) -> Result<Epoch, StoreError>;

    /// The entries after `sequence`, at most `limit`, in their order.
    async fn revocations_after(
        &self,
        sequence: i64,
        limit: u32,
    ) -> Result<Vec<Revocation>, StoreError>;

    /// Ends the history: whoever opens the store next begins another one.
    async fn end_epoch(&self) -> Result<(), StoreError>;

    /// Whether an access token was revoked by itself.
    async fn is_revoked(&self, jti: Jti) -> Result<bool, StoreError>;
}

/// What is known of revocations without asking the store.
#[async_trait]
pub trait RevocationMemory: Send + Sync {
    /// The history that this is of.
    fn epoch(&self) -> &Epoch;

    /// Judges a token whose signature and times hold.
    fn judge(&self, claims: &Claims) -> RevocationStatus;

    /// Takes in all that is committed. Once it returns, a revocation written before is known here.
    async fn catch_up(&self);
}

/// All that is stored about people and clients.
pub trait Store: Users + Logins + Revocations + Clients {}

impl<T: Users + Logins + Revocations + Clients> Store for T {}
