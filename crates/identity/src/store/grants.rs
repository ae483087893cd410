//! The port for grants.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    account::User,
    audit::AuditEvent,
    id::{GrantId, Sid},
    login::{EndReason, Generation, Grant, Login, NewGrant, Rotation},
    oauth::ClientId,
    store::StoreError,
};

/// Grants. They end with their login, without a change of their rows, and are deleted with it.
#[async_trait]
pub trait GrantStore: Send + Sync {
    /// Begins a grant at [`Generation::FIRST`], and stores the consent that it names; false if its identifier is in use, the login does not
    /// exist or has ended, or the OAuth client does not exist or is disabled. Of concurrent calls for one identifier, only the first succeeds.
    async fn insert_grant(&self, grant: &NewGrant) -> Result<bool, StoreError>;

    /// Returns a grant, ended or not, its login and its account.
    async fn grant(&self, id: GrantId) -> Result<Option<(Grant, Login, User)>, StoreError>;

    /// Returns the grants of a login for one OAuth client that have not ended, the one that was refreshed last first.
    async fn grants_of_client(
        &self,
        sid: Sid,
        client: &ClientId,
    ) -> Result<Vec<GrantId>, StoreError>;

    /// Advances a grant from this generation to that of `rotation`, by compare-and-set, and sets the time at which its login was last
    /// used; false if the grant or its login has ended, or the grant is at another generation.
    async fn advance(
        &self,
        grant: (GrantId, Generation),
        rotation: &Rotation<'_>,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Ends a grant, and appends it to the revocation log until its access tokens have expired; false if it or its login has ended
    /// already, it does not exist, or is the one that its login began with, which ends with the login.
    async fn end_grant(
        &self,
        id: GrantId,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;
}
