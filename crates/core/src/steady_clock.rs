//! The clock that decides what is old enough to be deleted. A wrong system clock must not lead to a deletion.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;

use crate::{clock::Clock, rate_limited_log::LogRateLimiter};

/// Maximum difference between the system clock and elapsed time that counts as an adjustment; a greater one is a leap.
pub const MAX_ADJUSTMENT: Duration = Duration::from_secs(30);

/// Time for which the system clock must run without another leap before it is accepted.
pub const ACCEPTED_AFTER: Duration = Duration::from_hours(24);

/// Maximum time between two processes that counts as a stop; a longer one counts as a leap.
pub const MAX_STOP: Duration = Duration::from_hours(7 * 24);

/// Seconds in which an adjustment of one second is followed.
const SLEW_FACTOR: u32 = 20;

/// A clock that runs ahead neither of the system clock nor of elapsed time. When the two differ by more than [`MAX_ADJUSTMENT`], it
/// logs `clock.leapt` and follows elapsed time, until the system clock has run without another leap for [`ACCEPTED_AFTER`].
pub struct SteadyClock {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    alarms: LogRateLimiter,
}

/// The state of a steady clock that the store keeps for the next process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The time of the steady clock, UTC.
    pub steady: OffsetDateTime,
    /// The time of the system clock at the same moment, UTC.
    pub clock: OffsetDateTime,
    /// Time for which the system clock had run since it leapt; zero if it had not leapt.
    pub since_leap: Duration,
}

#[derive(Debug)]
struct State {
    steady: OffsetDateTime,
    clock: OffsetDateTime,
    uptime: Duration,
    /// Time since the latest leap; `None` while both agree.
    since_leap: Option<Duration>,
    /// Whether the log reports a leap.
    is_alarmed: bool,
}

impl fmt::Debug for SteadyClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SteadyClock").finish_non_exhaustive()
    }
}

impl SteadyClock {
    /// Creates a steady clock that starts at the time of the system clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let now = clock.now();
        Self::starting(clock, now, None)
    }

    /// Continues from the checkpoint of an earlier process. A stop of at most [`MAX_STOP`] is not reported as a leap. Its length is
    /// known only from the system clock, which must therefore be accepted first.
    #[must_use]
    pub fn resume(clock: Arc<dyn Clock>, earlier: Checkpoint) -> Self {
        let now = clock.now();
        let stopped_for = now - earlier.clock;
        let is_plausible =
            stopped_for + MAX_ADJUSTMENT >= time::Duration::ZERO && stopped_for <= MAX_STOP;
        let since_leap = if is_plausible {
            earlier.since_leap
        } else {
            Duration::ZERO
        };
        let resumed = Self::starting(clock, earlier.steady.min(now), Some(since_leap));
        if !is_plausible {
            resumed.alarm(&mut resumed.tick(), earlier.clock);
        }
        resumed
    }

    fn starting(
        clock: Arc<dyn Clock>,
        steady: OffsetDateTime,
        since_leap: Option<Duration>,
    ) -> Self {
        let state = State {
            steady,
            clock: clock.now(),
            uptime: clock.uptime(),
            since_leap,
            is_alarmed: false,
        };
        Self {
            clock,
            state: Mutex::new(state),
            alarms: LogRateLimiter::new("clock.leapt"),
        }
    }

    /// Returns the current time. Call it regularly: the time since a leap is measured between calls.
    pub fn now(&self) -> OffsetDateTime {
        let state = self.tick();
        state.steady.min(state.clock)
    }

    /// Returns the state to pass to [`resume`](Self::resume).
    pub fn checkpoint(&self) -> Checkpoint {
        let state = self.tick();
        Checkpoint {
            steady: state.steady.min(state.clock),
            clock: state.clock,
            since_leap: state.since_leap.unwrap_or_default(),
        }
    }

    /// Advances to `steady`, if that is later and not ahead of the system clock: another process or the operator accepted it.
    pub fn accept(&self, steady: OffsetDateTime) {
        let mut state = self.tick();
        state.steady = state.steady.max(steady.min(state.clock));
    }

    fn tick(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (clock, uptime) = (self.clock.now(), self.clock.uptime());
        let passed = uptime.saturating_sub(state.uptime);
        let steady = state.steady + passed;
        let expected = state.clock + passed;
        (state.clock, state.uptime) = (clock, uptime);
        let difference = clock - steady;
        match state.since_leap {
            _ if is_small(difference) => {
                let max = time::Duration::try_from(passed / SLEW_FACTOR).unwrap_or_default();
                state.steady = steady + difference.clamp(-max, max);
                state.since_leap = None;
                if std::mem::take(&mut state.is_alarmed) {
                    tracing::info!(event = "clock.agrees", %clock, "the clock agrees with elapsed time again");
                }
            }
            Some(since_leap) if is_small(clock - expected) => {
                let since_leap = since_leap + passed;
                state.since_leap = Some(since_leap);
                state.steady = steady;
                if since_leap >= ACCEPTED_AFTER {
                    state.steady = clock;
                    state.since_leap = None;
                    state.is_alarmed = false;
                    tracing::info!(event = "clock.accepted", %clock, "the clock has run for 24 hours since it leapt and is accepted");
                }
            }
            Some(_) | None => {
                state.since_leap = Some(Duration::ZERO);
                state.steady = steady;
                self.alarm(&mut state, expected);
            }
        }
        state
    }

    fn alarm(&self, state: &mut State, expected: OffsetDateTime) {
        state.is_alarmed = true;
        let clock = state.clock;
        self.alarms.log(|times| {
            tracing::error!(
                event = "clock.leapt",
                %clock,
                %expected,
                times,
                "the clock leapt against elapsed time; nothing is deleted by age according to the new time until the clock has run for \
                 24 hours"
            );
        });
    }
}

fn is_small(difference: time::Duration) -> bool {
    difference.unsigned_abs() <= MAX_ADJUSTMENT
}

#[cfg(test)]
mod tests;
