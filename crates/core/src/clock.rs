//! Time as a port, and the system clock behind it.

mod manual;

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};
use time::OffsetDateTime;

pub use self::manual::ManualClock;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> OffsetDateTime;

    /// Time that has passed since a fixed moment, whatever is done to the clock that tells the time: for what waits for a duration.
    /// It goes on while the machine sleeps.
    fn uptime(&self) -> Duration;
}

/// The system clock, in whole milliseconds: what is stored is what was said.
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
