//! The port for the checkpoint of the steady clock.

use async_trait::async_trait;
use holdfast_core::steady_clock::Checkpoint;
use time::OffsetDateTime;

use crate::store::StoreError;

/// The checkpoint of the steady clock, which all processes on one store share.
#[async_trait]
pub trait ClockStore: Send + Sync {
    /// Returns the latest checkpoint. Of a store without one, the time of its latest login or audit event; `None` where it has
    /// neither.
    async fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError>;

    /// Stores a checkpoint, and returns the steady time that all processes share: the greatest that was stored, unless that is later
    /// than the system clock of this checkpoint.
    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Result<OffsetDateTime, StoreError>;
}
