//! What has happened, in memory: for one process, until it may happen again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use service_kit::{seen::Seen, system::Clock};

use crate::domain::{device::Once, sessions::RecordsUnavailable};

/// How much is remembered; at some 200 bytes each.
const MOST: usize = 200_000;

/// Forgets when the process ends.
pub struct MemoryOnce {
    seen: Seen<String>,
    clock: Arc<dyn Clock>,
}

impl MemoryOnce {
    /// Knows nothing.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            seen: Seen::new(MOST),
            clock,
        }
    }
}

#[async_trait]
impl Once for MemoryOnce {
    async fn is_first(&self, name: &str, window: Duration) -> Result<bool, RecordsUnavailable> {
        let uptime = self.clock.uptime();
        let is_first = self.seen.is_first(name.to_owned(), uptime, window);
        is_first.map_err(|full| RecordsUnavailable(full.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use service_kit::manual_clock::ManualClock;

    use super::*;

    #[tokio::test]
    async fn the_second_time_is_not_the_first_until_the_window_is_over() {
        let clock = ManualClock::default();
        let once = MemoryOnce::new(Arc::new(clock.clone()));
        let minute = Duration::from_mins(1);
        assert!(once.is_first("a", minute).await.unwrap());
        assert!(!once.is_first("a", minute).await.unwrap());
        assert!(once.is_first("b", minute).await.unwrap());
        clock.leap(time::Duration::HOUR);
        assert!(
            !once.is_first("a", minute).await.unwrap(),
            "no time has passed"
        );
        clock.advance(minute);
        assert!(once.is_first("a", minute).await.unwrap());
    }
}
