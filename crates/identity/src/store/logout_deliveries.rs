//! The port for ends that relying parties have not received yet.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    oauth::{ClientId, LogoutDelivery, LogoutReceiver},
    store::StoreError,
};

/// Ends of sessions that relying parties have not received yet. A session of a relying party is a login in which it has a live grant with the
/// scope `openid`. Where it is registered with a
/// [`backchannel_logout_uri`](crate::oauth::RelyingParty::backchannel_logout_uri), whatever ends its session stores the end in the same
/// transaction, once for each session:
///
/// - the end of the login, for whatever reason, the deletion of its account included;
/// - the end of a grant, unless the OAuth client has another live one in the login and the reason
///   [does not end the session](crate::login::EndReason::ends_session).
///
/// Ends are independent of the rows of logins, grants and accounts, which may be deleted before they are delivered. Disabling an OAuth client
/// stores none; those that were stored before stay.
#[async_trait]
pub trait LogoutDeliveryStore: Send + Sync {
    /// Returns the relying parties for which there are ends, in the order of their identifiers.
    async fn logout_receivers(&self) -> Result<Vec<LogoutReceiver>, StoreError>;

    /// Returns at most `limit` ends for a relying party, those that are due first at the front.
    async fn logout_deliveries(
        &self,
        client: &ClientId,
        limit: u32,
    ) -> Result<Vec<LogoutDelivery>, StoreError>;

    /// Returns the time of the end that was stored first, of all relying parties.
    async fn oldest_logout(&self) -> Result<Option<OffsetDateTime>, StoreError>;

    /// Counts a failed attempt, and sets the time of the next one.
    async fn defer_logout(
        &self,
        client: &ClientId,
        delivery: &LogoutDelivery,
        due_at: OffsetDateTime,
    ) -> Result<(), StoreError>;

    /// Deletes the ends for a relying party up to a time, this one included, which are given up. Returns their number.
    async fn remove_logouts_until(
        &self,
        client: &ClientId,
        until: OffsetDateTime,
    ) -> Result<u64, StoreError>;

    /// Deletes an end that was delivered or given up.
    async fn remove_logout(
        &self,
        client: &ClientId,
        delivery: &LogoutDelivery,
    ) -> Result<(), StoreError>;
}
