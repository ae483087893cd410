//! A clock for tests.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use time::{OffsetDateTime, macros::datetime};

use crate::clock::Clock;

/// A clock that changes only by its methods; it starts at noon on 1 January 2026. Clones share the time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Times>>);

#[derive(Debug)]
struct Times {
    now: OffsetDateTime,
    uptime: Duration,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Times {
            now: datetime!(2026-01-01 12:00 UTC),
            uptime: Duration::ZERO,
        })))
    }
}

impl ManualClock {
    /// Advances the time and the uptime.
    pub fn advance(&self, by: Duration) {
        let mut times = self.times();
        times.now += by;
        times.uptime += by;
    }

    /// Changes the time, forward or back, and leaves the uptime as it is.
    pub fn leap(&self, by: time::Duration) {
        self.times().now += by;
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        self.times().now
    }

    fn uptime(&self) -> Duration {
        self.times().uptime
    }
}
