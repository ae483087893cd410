//! The port for logins and known locations.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    account::User,
    audit::AuditEvent,
    authentication::{KnownLocations, LocationTrust},
    id::{Sid, UserId},
    login::{AuthenticationUpdate, EndReason, Login, LoginRecord, NewLogin},
    store::StoreError,
};

/// Logins. An operation that ends a login appends it to the revocation log in the same transaction, while a credential of the
/// login may exist that is accepted without a look at its row: once it has a grant, until the access tokens of all of its grants
/// have expired.
#[async_trait]
pub trait LoginStore: Send + Sync {
    /// Starts a login and stores its known locations. `None` if the account does not exist, is disabled, or has another authentication
    /// version, or if the identifier is in use. Otherwise returns the oldest logins of the account, which ended because there were
    /// more than [`MAX_LIVE_LOGINS`](crate::login::MAX_LIVE_LOGINS). The locations are stored and the oldest logins ended in
    /// transactions of their own, after the login has started: the next sign-in repeats what fails there.
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

    /// Returns the logins of an account that are live at `now`, with their grants, the latest used first.
    async fn logins_of(
        &self,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<LoginRecord>, StoreError>;

    /// Sets the time at which a login was last used.
    async fn update_last_seen(&self, sid: Sid, now: OffsetDateTime) -> Result<(), StoreError>;

    /// Sets the time at which a login was bound to its browser's device; false if the login has ended.
    async fn set_bound_at(
        &self,
        sid: Sid,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Sets the time of the latest authentication of a login, and its factors; false if the login has ended or expired or was authenticated otherwise
    /// meanwhile, or its account is disabled or has another authentication version.
    async fn update_authenticated_at(
        &self,
        sid: Sid,
        update: &AuthenticationUpdate,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Ends a login; false if it has ended already or does not exist.
    async fn end_login(
        &self,
        sid: Sid,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Ends a login of this account; false if the account has no such live login.
    async fn end_login_of(
        &self,
        user: UserId,
        sid: Sid,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Ends all logins of an account except one, if given. Returns the number of logins that ended.
    async fn end_logins_of(
        &self,
        user: UserId,
        except: Option<Sid>,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<u64, StoreError>;

    /// Ends all logins of all accounts. Returns their number. The events are stored even where there was none.
    async fn end_every_login(
        &self,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<u64, StoreError>;

    /// Deletes logins, with their grants, and revocations that expired before `before`, trusted
    /// browsers whose time is over, and known locations that were last used longer than
    /// [`KNOWN_LOCATION_TTL`](crate::authentication::KNOWN_LOCATION_TTL) before that. A driver may use several transactions.
    async fn purge(&self, before: OffsetDateTime) -> Result<(), StoreError>;
}
