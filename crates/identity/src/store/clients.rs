//! The port for OAuth clients.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    audit::AuditEvent,
    oauth::{ClientId, OauthClient},
    store::{Change, StoreError},
};

/// OAuth clients. Disabling one ends its grants and appends it to the revocation log in the same transaction.
#[async_trait]
pub trait ClientStore: Send + Sync {
    /// Inserts an OAuth client; false if its `client_id` is taken.
    async fn insert_client(
        &self,
        client: &OauthClient,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Replaces all that an OAuth client is registered with but its identifier and the time of its creation. A disabled or protected one stays as
    /// it is.
    async fn replace_client(&self, client: &OauthClient) -> Result<(), StoreError>;

    /// Returns the OAuth client with this identifier, disabled or not.
    async fn client(&self, id: &ClientId) -> Result<Option<OauthClient>, StoreError>;

    /// Returns all OAuth clients in the order of their identifiers.
    async fn clients(&self) -> Result<Vec<OauthClient>, StoreError>;

    /// Disables an OAuth client, ends its grants, and appends it to the revocation log. A protected one stays as it is.
    async fn disable_client(
        &self,
        id: &ClientId,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Change, StoreError>;

    /// Replaces the SHA-256 of an OAuth client's secret; false if there is no such client.
    async fn set_client_secret(
        &self,
        id: &ClientId,
        hash: &[u8; 32],
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;
}
