//! The port for consents.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    audit::AuditEvent,
    id::UserId,
    login::EndReason,
    oauth::{ClientId, Consent},
    store::StoreError,
};

/// What the owners of accounts allow relying parties. A consent is stored with the grant that it is for
/// ([`NewGrant::consented`](crate::login::NewGrant::consented)), and deleted with its account.
#[async_trait]
pub trait ConsentStore: Send + Sync {
    /// Returns what the owner of an account has consented to for an OAuth client.
    async fn consent(&self, user: UserId, client: &ClientId)
    -> Result<Option<Consent>, StoreError>;

    /// Returns all consents of an account, the latest used first.
    async fn consents_of(&self, user: UserId) -> Result<Vec<Consent>, StoreError>;

    /// Deletes a consent and ends all grants of the account for the OAuth client, each with an entry in the revocation log as by
    /// [`end_grant`](crate::store::GrantStore::end_grant); false if there is no such consent.
    async fn end_consent(
        &self,
        user: UserId,
        client: &ClientId,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;
}
