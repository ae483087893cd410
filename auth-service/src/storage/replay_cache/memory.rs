//! What one process saw, bounded whatever comes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use service_kit::{seen::Seen, system::Clock};

use crate::domain::{dpop::ReplayMemory, ports::StoreError, throttle::Blinded};

/// How much is remembered; at some 100 bytes each.
const MOST: usize = 500_000;

/// Forgets when the process ends.
pub struct MemoryReplays {
    seen: Seen<Blinded>,
    clock: Arc<dyn Clock>,
}

impl MemoryReplays {
    /// Knows nothing.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            seen: Seen::new(MOST),
            clock,
        }
    }
}

#[async_trait]
impl ReplayMemory for MemoryReplays {
    async fn is_first(&self, name: Blinded, window: Duration) -> Result<bool, StoreError> {
        let is_first = self.seen.is_first(name, self.clock.uptime(), window);
        is_first.map_err(|full| StoreError::Unavailable(full.to_string()))
    }
}
