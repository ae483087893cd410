//! The port for the revocation log.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    audit::AuditEvent,
    id::Jti,
    revocation::{Epoch, Revocation},
    store::StoreError,
};

/// Entries of the revocation log, and the timeline of the server that has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationPage {
    /// The entries, by ascending sequence number.
    pub entries: Vec<Revocation>,
    /// Another timeline begins when a standby is promoted, which may lack what the server before it had committed last. A store with one
    /// server only has one timeline.
    pub timeline: i64,
}

/// The revocation log. Sequence numbers follow the order of commits: once an entry can be read, no entry with a smaller number
/// appears any more.
#[async_trait]
pub trait RevocationLog: Send + Sync {
    /// Returns the epoch of the store. If it has none, as a restored backup, stores and returns `fresh`.
    async fn epoch(&self, fresh: Epoch) -> Result<Epoch, StoreError>;

    /// Returns at most `limit` entries after the position `sequence`.
    async fn revocations_after(
        &self,
        sequence: i64,
        limit: u32,
    ) -> Result<RevocationPage, StoreError>;

    /// Deletes the epoch: the next process that opens the store begins another one.
    async fn end_epoch(&self) -> Result<(), StoreError>;

    /// Returns those of the entries whose sequence numbers are not in the log, in the same order.
    async fn missing_revocations(
        &self,
        entries: &[Revocation],
    ) -> Result<Vec<Revocation>, StoreError>;

    /// Appends entries of another timeline again, with new sequence numbers. Does not append one after whose number there is an entry for the same
    /// subject that expires no earlier. Of concurrent calls for one entry, only the first appends it. Returns how many were appended.
    async fn append_again(&self, entries: &[Revocation]) -> Result<u64, StoreError>;

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
