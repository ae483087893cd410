//! The port of time, and the system clock.

mod manual;
mod reading;

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};
use time::OffsetDateTime;

pub use self::{manual::ManualClock, reading::ClockReading};

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// Returns the current time, UTC.
    fn now(&self) -> OffsetDateTime;

    /// Returns the time since a fixed moment, for waits and windows. Changes of the system clock do not affect it; it includes the
    /// time for which the machine is suspended.
    fn uptime(&self) -> Duration;
}

/// The system clock, truncated to milliseconds, the precision of stored times.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc().truncate_to_millisecond()
    }

    fn uptime(&self) -> Duration {
        #[cfg(target_os = "linux")]
        const ELAPSED: ClockId = ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        const ELAPSED: ClockId = ClockId::Monotonic;
        let Timespec { tv_sec, tv_nsec } = clock_gettime(ELAPSED);
        let seconds = u64::try_from(tv_sec).unwrap_or_default();
        Duration::new(seconds, u32::try_from(tv_nsec).unwrap_or_default())
    }
}
