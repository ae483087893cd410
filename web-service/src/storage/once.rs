//! What has happened, in memory: for one process, until it may happen again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use service_kit::system::Clock;
use time::OffsetDateTime;

use crate::domain::{device::Once, sessions::RecordsUnavailable};

/// How many new names pass between two looks at everything.
const SWEEP_EVERY: usize = 256;

/// Forgets when the process ends.
pub struct MemoryOnce {
    known: Mutex<Known>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Known {
    until: HashMap<String, OffsetDateTime>,
    new_since_sweep: usize,
}

impl MemoryOnce {
    /// Knows nothing.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            known: Mutex::default(),
            clock,
        }
    }
}

#[async_trait]
impl Once for MemoryOnce {
    async fn is_first(&self, name: &str, window: Duration) -> Result<bool, RecordsUnavailable> {
        let now = self.clock.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.until.get(name).is_some_and(|until| now < *until) {
            return Ok(false);
        }
        known.new_since_sweep += 1;
        if known.new_since_sweep >= SWEEP_EVERY {
            known.new_since_sweep = 0;
            known.until.retain(|_, until| now < *until);
        }
        known.until.insert(name.to_owned(), now + window);
        Ok(true)
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
        clock.advance(minute);
        assert!(once.is_first("a", minute).await.unwrap());
        for name in 0..SWEEP_EVERY {
            assert!(once.is_first(&name.to_string(), minute).await.unwrap());
        }
        assert!(!once.known.lock().unwrap().until.contains_key("b"));
    }
}
