use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use auth_service::domain::ports::Clock;
use time::{OffsetDateTime, macros::datetime};

/// A clock that stands still until the test moves it.
#[derive(Clone)]
pub(crate) struct ManualClock(Arc<Mutex<OffsetDateTime>>);

impl Default for ManualClock {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(datetime!(2026-01-01 12:00 UTC))))
    }
}

impl ManualClock {
    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap()
    }
}
