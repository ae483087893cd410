//! The port for the revocation log.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    audit::AuditEvent,
    id::Jti,
    revocation::{Epoch, Revocation},
    store::StoreError,
};

/// The revocation log. Sequence numbers follow the order of commits: once an entry can be read, no entry with a smaller number
/// appears any more.
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

    /// Revokes one access token that expires at `expires_at`; false if it was revoked before.
    async fn revoke_token(
        &self,
        jti: Jti,
        expires_at: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Whether this access token was revoked by itself. Its login and its OAuth client are not examined.
    async fn is_revoked(&self, jti: Jti) -> Result<bool, StoreError>;
}
