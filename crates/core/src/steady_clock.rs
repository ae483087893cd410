//! The time by which something is deleted for its age: a clock that leaps and comes back must not take anything with it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;

use crate::{clock::Clock, rate_limited_log::LogRateLimiter};

/// What the clock may differ from the time that has passed, as it does where it is adjusted; more than that is a leap.
pub const LEAP: Duration = Duration::from_secs(30);

/// How long the clock has to go on from where it leapt to before it is believed.
pub const BELIEVED_AFTER: Duration = Duration::from_hours(24);

/// A process that was stopped for longer is rather one whose clock leapt meanwhile.
pub const LONGEST_STOP: Duration = Duration::from_hours(7 * 24);

/// One second of drift is followed in so many seconds.
const SLOWNESS: u32 = 20;

/// A clock that never runs ahead of the system's clock, nor of the time that has passed. Where those two differ by more than
/// [`LEAP`], the log says so, and the time that has passed counts until the clock has gone on from there for [`BELIEVED_AFTER`].
pub struct SteadyClock {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    alarms: LogRateLimiter,
}

/// What of a steady clock outlives its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// What it showed.
    pub steady: OffsetDateTime,
    /// What the system's clock showed at the same moment.
    pub clock: OffsetDateTime,
    /// How long the system's clock had gone on since it leapt; zero where it had not.
    pub apart_for: Duration,
}

#[derive(Debug)]
struct State {
    steady: OffsetDateTime,
    clock: OffsetDateTime,
    uptime: Duration,
    /// `None` while both agree.
    apart_for: Option<Duration>,
    /// Whether the log says that they do not.
    is_alarmed: bool,
}

impl fmt::Debug for SteadyClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SteadyClock").finish_non_exhaustive()
    }
}

impl SteadyClock {
    /// Starts with what the system's clock shows.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let now = clock.now();
        Self::starting(clock, now, None)
    }

    /// Goes on from where an earlier process was. A stop as long as [`LONGEST_STOP`] is no alarm; but how long it was only the
    /// system's clock says, which therefore has to be believed first.
    #[must_use]
    pub fn resume(clock: Arc<dyn Clock>, earlier: Checkpoint) -> Self {
        let now = clock.now();
        let stopped_for = now - earlier.clock;
        let is_plausible =
            stopped_for + LEAP >= time::Duration::ZERO && stopped_for <= LONGEST_STOP;
        let apart_for = if is_plausible {
            earlier.apart_for
        } else {
            Duration::ZERO
        };
        let resumed = Self::starting(clock, earlier.steady.min(now), Some(apart_for));
        if !is_plausible {
            resumed.alarm(&mut resumed.tick(), earlier.clock);
        }
        resumed
    }

    fn starting(
        clock: Arc<dyn Clock>,
        steady: OffsetDateTime,
        apart_for: Option<Duration>,
    ) -> Self {
        let state = State {
            steady,
            clock: clock.now(),
            uptime: clock.uptime(),
            apart_for,
            is_alarmed: false,
        };
        Self {
            clock,
            state: Mutex::new(state),
            alarms: LogRateLimiter::new(),
        }
    }

    /// What is older than this may be deleted. It is to be asked regularly: how long the clock has gone on since a leap is measured
    /// from one call to the next.
    pub fn now(&self) -> OffsetDateTime {
        let state = self.tick();
        state.steady.min(state.clock)
    }

    /// For [`resume`](Self::resume).
    pub fn checkpoint(&self) -> Checkpoint {
        let state = self.tick();
        Checkpoint {
            steady: state.steady.min(state.clock),
            clock: state.clock,
            apart_for: state.apart_for.unwrap_or_default(),
        }
    }

    /// Believes the system's clock up to `steady`, as another process or an operator does.
    pub fn believe(&self, steady: OffsetDateTime) {
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
        let apart = clock - steady;
        match state.apart_for {
            _ if is_small(apart) => {
                let most = time::Duration::try_from(passed / SLOWNESS).unwrap_or_default();
                state.steady = steady + apart.clamp(-most, most);
                state.apart_for = None;
                if std::mem::take(&mut state.is_alarmed) {
                    tracing::info!(event = "clock.agrees", %clock, "the clock agrees with the time that has passed");
                }
            }
            Some(apart_for) if is_small(clock - expected) => {
                let apart_for = apart_for + passed;
                state.apart_for = Some(apart_for);
                state.steady = steady;
                if apart_for >= BELIEVED_AFTER {
                    state.steady = clock;
                    state.apart_for = None;
                    state.is_alarmed = false;
                    tracing::info!(event = "clock.believed", %clock, "the clock has gone on for a day and is believed");
                }
            }
            Some(_) | None => {
                state.apart_for = Some(Duration::ZERO);
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
                "the clock leapt against the time that has passed; nothing is deleted for its age by the new time until the clock has \
                 gone on from there for 24 hours"
            );
        });
    }
}

fn is_small(difference: time::Duration) -> bool {
    difference.unsigned_abs() <= LEAP
}

#[cfg(test)]
mod tests;
