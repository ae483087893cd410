//! The attempt counters of one process, with bounded memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use holdfast_core::clock::Clock;
use holdfast_identity::authentication::{
    CountedIn, Counter, KeyedHash, RateLimitCounters, Throttled,
};

/// Counters; at some 80 bytes each.
const CAPACITY: usize = 200_000;

/// Attempt counters whose content ends with the process.
pub struct InMemoryCounters {
    counters: Mutex<HashMap<KeyedHash, Attempts>>,
    clock: Arc<dyn Clock>,
    capacity: usize,
}

/// The attempts on one counter. Times are the uptime of the clock, so that a clock that leaps shortens no wait.
#[derive(Clone, Copy)]
struct Attempts {
    count: u32,
    blocked_until: Option<Duration>,
    expires_at: Duration,
    /// Whether a rejection during the present wait was reported.
    is_reported: bool,
}

impl InMemoryCounters {
    /// Room for 200,000 counters.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_capacity(clock, CAPACITY)
    }

    /// Room for `capacity` counters; beyond it, expired ones and those with the lowest counts are evicted.
    #[must_use]
    pub fn with_capacity(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        Self {
            counters: Mutex::default(),
            clock,
            capacity,
        }
    }

    fn counters(&self) -> MutexGuard<'_, HashMap<KeyedHash, Attempts>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of counters in memory, expired ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counters().len()
    }

    /// Whether there is no counter in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[async_trait]
impl RateLimitCounters for InMemoryCounters {
    async fn count(&self, counters: &[Counter]) -> Result<CountedIn, Throttled> {
        let now = self.clock.uptime();
        let mut kept = self.counters();
        reject_blocked(&mut kept, counters, now)?;
        if kept.len() + counters.len() > self.capacity {
            evict(&mut kept, now);
        }
        for counter in counters {
            let before = kept
                .get(&counter.name)
                .filter(|attempts| now < attempts.expires_at);
            let attempts = Attempts::counted(before.copied(), counter, now);
            kept.insert(counter.name, attempts);
        }
        Ok(CountedIn::Process)
    }

    async fn refund(&self, counters: &[Counter], _: CountedIn) {
        let mut kept = self.counters();
        for counter in counters {
            let Some(attempts) = kept.get_mut(&counter.name) else {
                continue;
            };
            attempts.count = attempts.count.saturating_sub(1);
            attempts.blocked_until = None;
            if attempts.count == 0 {
                kept.remove(&counter.name);
            }
        }
    }

    async fn reset(&self, counter: &Counter, _: CountedIn) {
        self.counters().remove(&counter.name);
    }
}

impl Attempts {
    /// One attempt more than `before`.
    fn counted(before: Option<Self>, counter: &Counter, now: Duration) -> Self {
        let (lifetime, is_prolonged) = counter.limit.retention();
        let count = before.map_or(0, |before| before.count).saturating_add(1);
        let expires_at = before
            .map(|before| before.expires_at)
            .filter(|_| !is_prolonged)
            .unwrap_or(now + lifetime);
        let wait = counter.limit.delay_after(count);
        Self {
            count,
            blocked_until: (!wait.is_zero()).then(|| (now + wait).min(expires_at)),
            expires_at,
            is_reported: false,
        }
    }
}

/// Fails with the longest wait of the counters, if one of them has a wait.
fn reject_blocked(
    kept: &mut HashMap<KeyedHash, Attempts>,
    counters: &[Counter],
    now: Duration,
) -> Result<(), Throttled> {
    let mut rejection: Option<Throttled> = None;
    for counter in counters {
        let Some(attempts) = kept.get_mut(&counter.name) else {
            continue;
        };
        let left = attempts
            .blocked_until
            .map(|until| until.saturating_sub(now));
        let Some(wait) = left.filter(|left| !left.is_zero()) else {
            continue;
        };
        let is_first = !std::mem::replace(&mut attempts.is_reported, true);
        rejection = Some(rejection.map_or(
            Throttled {
                retry_after: wait,
                is_first,
            },
            |other| Throttled {
                retry_after: other.retry_after.max(wait),
                is_first: other.is_first || is_first,
            },
        ));
    }
    rejection.map_or(Ok(()), Err)
}

/// Removes expired counters, and then those with the lowest counts until a tenth is free: an attacker with new names evicts counters of new
/// names, and those with many attempts stay.
fn evict(kept: &mut HashMap<KeyedHash, Attempts>, now: Duration) {
    let before = kept.len();
    let target = before - before / 10;
    kept.retain(|_, attempts| now < attempts.expires_at);
    let mut lowest = 1;
    while kept.len() > target {
        kept.retain(|_, attempts| attempts.count > lowest);
        lowest = lowest.saturating_mul(2);
    }
}
