//! The replay cache of one process, with bounded memory.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use holdfast_core::{clock::Clock, replay_set::BoundedReplaySet};
use holdfast_identity::{authentication::KeyedHash, oauth::ReplayCache, store::StoreError};

/// Identifiers; at some 100 bytes each.
const CAPACITY: usize = 500_000;

/// A replay cache whose content ends with the process. Times are the uptime of the clock, so that a clock that leaps shortens no window.
pub struct InMemoryReplayCache {
    seen: BoundedReplaySet<KeyedHash>,
    clock: Arc<dyn Clock>,
}

impl InMemoryReplayCache {
    /// An empty replay cache.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            seen: BoundedReplaySet::new(CAPACITY),
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
