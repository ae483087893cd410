//! What one process saw, bounded whatever comes.

use async_trait::async_trait;
use service_kit::seen::Seen;
use time::OffsetDateTime;

use crate::domain::{dpop::ReplayMemory, ports::StoreError, throttle::Blinded};

/// How much is remembered; at some 100 bytes each.
const MOST: usize = 500_000;

/// Forgets when the process ends.
pub struct MemoryReplays(Seen<Blinded>);

impl Default for MemoryReplays {
    fn default() -> Self {
        Self(Seen::new(MOST))
    }
}

#[async_trait]
impl ReplayMemory for MemoryReplays {
    async fn is_first(
        &self,
        name: Blinded,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let is_first = self.0.is_first(name, now, until);
        is_first.map_err(|full| StoreError::Unavailable(full.to_string()))
    }
}
