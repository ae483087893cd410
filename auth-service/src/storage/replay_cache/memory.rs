//! What one process saw, bounded whatever comes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use holdfast_core::{clock::Clock, replay_set::BoundedReplaySet};
use holdfast_identity::{authentication::KeyedHash, oauth::ReplayCache, store::StoreError};

/// How much is remembered; at some 100 bytes each.
const MOST: usize = 500_000;

/// Forgets when the process ends.
pub struct InMemoryReplayCache {
    seen: BoundedReplaySet<KeyedHash>,
    clock: Arc<dyn Clock>,
}

impl InMemoryReplayCache {
    /// Knows nothing.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            seen: BoundedReplaySet::new(MOST),
            clock,
        }
    }
}

#[async_trait]
impl ReplayCache for InMemoryReplayCache {
    async fn insert_if_new(&self, name: KeyedHash, window: Duration) -> Result<bool, StoreError> {
        let inserted = self.seen.insert_if_new(name, self.clock.uptime(), window);
        inserted.map_err(|full| StoreError::Unavailable(full.to_string()))
    }
}
