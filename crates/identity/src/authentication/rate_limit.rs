//! Rate limits: counters with a growing delay or a window (ASVS 6.3.1, NIST SP 800-63B-4 §3.2.2), and the port that keeps them.

use std::time::Duration;

use async_trait::async_trait;

use crate::authentication::KeyedHash;

/// The first delay of [`Limit::Backoff`]; it doubles with each further attempt.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// How often something may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `free` times without delay; then each time only after a delay that doubles.
    Backoff {
        /// Number of attempts without a delay.
        free: u32,
        /// Maximum delay.
        max_delay: Duration,
        /// Time after the latest attempt at which the counter starts from zero.
        reset_after: Duration,
    },
    /// `max` times within `length` of the first time.
    Window {
        /// Number of attempts in a window.
        max: u32,
        /// Length of a window.
        length: Duration,
    },
}

impl Limit {
    /// Returns the delay after the attempt with this number, counted from 1.
    #[must_use]
    pub fn delay_after(self, count: u32) -> Duration {
        match self {
            Self::Backoff {
                free, max_delay, ..
            } => match count.checked_sub(free) {
                None => Duration::ZERO,
                Some(beyond) => FIRST_DELAY
                    .saturating_mul(2_u32.saturating_pow(beyond))
                    .min(max_delay),
            },
            Self::Window { max, length } if count >= max => length,
            Self::Window { .. } => Duration::ZERO,
        }
    }

    /// Returns how long a counter is kept after its first attempt, and whether each further attempt extends that.
    #[must_use]
    pub const fn retention(self) -> (Duration, bool) {
        match self {
            Self::Backoff { reset_after, .. } => (reset_after, true),
            Self::Window { length, .. } => (length, false),
        }
    }
}

/// A counter and its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Keyed hash of what is counted.
    pub name: KeyedHash,
    /// The limit that applies.
    pub limit: Limit,
}

/// A refusal by a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; try again later")]
pub struct Throttled {
    /// Time until the next attempt is allowed.
    pub retry_after: Duration,
    /// Whether this is the first refusal during this delay. The audit trail has one event for each delay.
    pub is_first: bool,
}

/// Which counters have an attempt, so that a refund subtracts it from those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedIn {
    /// Those that all instances share.
    Shared,
    /// Those of this process, as the shared ones are unavailable.
    Process,
    /// Those of this process, and perhaps the shared ones: they did not answer in time.
    Either,
}

/// Keeps counters, one set for all channels; in Redis, one set for all instances. Delays are measured by Redis' clock, or by the
/// uptime of the process.
#[async_trait]
pub trait RateLimitCounters: Send + Sync {
    /// Adds one to every counter. If one of them is in a delay, refuses and adds to none.
    async fn count(&self, counters: &[Counter]) -> Result<CountedIn, Throttled>;

    /// Subtracts one from every counter, for an attempt that was not a failure. While the shared counters are unavailable, it is subtracted
    /// later: or each attempt of an account's owner during an outage would count as a failure.
    async fn refund(&self, counters: &[Counter], counted_in: CountedIn);

    /// Deletes a counter of an attempt that succeeded.
    async fn reset(&self, counter: &Counter, counted_in: CountedIn);
}
