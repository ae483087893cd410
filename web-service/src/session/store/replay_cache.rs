//! What has happened, in memory: for one process, until it may happen again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use holdfast_core::{clock::Clock, replay_set::BoundedReplaySet};

use crate::session::{device::ReplayCache, sessions::RecordsUnavailable};

/// How much is remembered; at some 200 bytes each.
const MOST: usize = 200_000;

/// Forgets when the process ends.
pub struct InMemoryReplayCache {
    seen: BoundedReplaySet<String>,
    clock: Arc<dyn Clock>,
}

impl InMemoryReplayCache {
    /// Knows nothing.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            seen: BoundedReplaySet::new(MOST),
            clock,
        }
    }
}

#[async_trait]
impl ReplayCache for InMemoryReplayCache {
    async fn insert_if_new(
        &self,
        name: &str,
        window: Duration,
    ) -> Result<bool, RecordsUnavailable> {
        let uptime = self.clock.uptime();
        let inserted = self.seen.insert_if_new(name.to_owned(), uptime, window);
        inserted.map_err(|full| RecordsUnavailable(full.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::clock::ManualClock;

    use super::*;

    #[tokio::test]
    async fn the_second_time_is_not_the_first_until_the_window_is_over() {
        let clock = ManualClock::default();
        let once = InMemoryReplayCache::new(Arc::new(clock.clone()));
        let minute = Duration::from_mins(1);
        assert!(once.insert_if_new("a", minute).await.unwrap());
        assert!(!once.insert_if_new("a", minute).await.unwrap());
        assert!(once.insert_if_new("b", minute).await.unwrap());
        clock.leap(time::Duration::HOUR);
        assert!(
            !once.insert_if_new("a", minute).await.unwrap(),
            "no time has passed"
        );
        clock.advance(minute);
        assert!(once.insert_if_new("a", minute).await.unwrap());
    }
}
