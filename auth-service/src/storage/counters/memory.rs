//! Counters of one process, bounded whatever is counted.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use holdfast_core::clock::Clock;
use holdfast_identity::authentication::{AttemptCounters, Counter, KeyedHash, Throttled};

/// How many are kept; at some 80 bytes each.
const MOST: usize = 200_000;

/// Counters that the process forgets when it ends.
pub struct InMemoryAttemptCounters {
    standings: Mutex<HashMap<KeyedHash, Standing>>,
    clock: Arc<dyn Clock>,
    most: usize,
}

/// Times are the clock's uptime: a clock that leaps shortens no wait.
#[derive(Clone, Copy)]
struct Standing {
    count: u32,
    blocked_until: Option<Duration>,
    forgotten_at: Duration,
    was_told: bool,
}

impl InMemoryAttemptCounters {
    /// Nothing is counted yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_capacity(clock, MOST)
    }

    /// Room for so many counters.
    #[must_use]
    pub fn with_capacity(clock: Arc<dyn Clock>, most: usize) -> Self {
        Self {
            standings: Mutex::default(),
            clock,
            most,
        }
    }

    fn standings(&self) -> MutexGuard<'_, HashMap<KeyedHash, Standing>> {
        self.standings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are kept now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.standings().len()
    }

    /// Whether nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[async_trait]
impl AttemptCounters for InMemoryAttemptCounters {
    async fn count(&self, counters: &[Counter]) -> Result<(), Throttled> {
        let now = self.clock.uptime();
        let mut standings = self.standings();
        refuse_blocked(&mut standings, counters, now)?;
        if standings.len() + counters.len() > self.most {
            make_room(&mut standings, now);
        }
        for counter in counters {
            let known = standings
                .get(&counter.name)
                .filter(|standing| now < standing.forgotten_at);
            let standing = Standing::counted(known.copied(), counter, now);
            standings.insert(counter.name, standing);
        }
        Ok(())
    }

    async fn refund(&self, counters: &[Counter]) {
        let mut standings = self.standings();
        for counter in counters {
            let Some(standing) = standings.get_mut(&counter.name) else {
                continue;
            };
            standing.count = standing.count.saturating_sub(1);
            standing.blocked_until = None;
            if standing.count == 0 {
                standings.remove(&counter.name);
            }
        }
    }

    async fn forget(&self, counter: &Counter) {
        self.standings().remove(&counter.name);
    }
}

impl Standing {
    fn counted(known: Option<Self>, counter: &Counter, now: Duration) -> Self {
        let (memory, is_prolonged) = counter.limit.memory();
        let count = known.map_or(0, |known| known.count).saturating_add(1);
        let forgotten_at = known
            .map(|known| known.forgotten_at)
            .filter(|_| !is_prolonged)
            .unwrap_or(now + memory);
        let wait = counter.limit.wait_after(count);
        Self {
            count,
            blocked_until: (!wait.is_zero()).then(|| (now + wait).min(forgotten_at)),
            forgotten_at,
            was_told: false,
        }
    }
}

/// The longest of the waits, where there is one.
fn refuse_blocked(
    standings: &mut HashMap<KeyedHash, Standing>,
    counters: &[Counter],
    now: Duration,
) -> Result<(), Throttled> {
    let mut refused: Option<Throttled> = None;
    for counter in counters {
        let Some(standing) = standings.get_mut(&counter.name) else {
            continue;
        };
        let left = standing
            .blocked_until
            .map(|until| until.saturating_sub(now));
        let Some(wait) = left.filter(|left| !left.is_zero()) else {
            continue;
        };
        let is_first = !std::mem::replace(&mut standing.was_told, true);
        refused = Some(refused.map_or(
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
    refused.map_or(Ok(()), Err)
}

/// What is over goes; if that is not enough, what counted least. Whoever fills this with new names pushes out new names, and
/// what has counted up stays.
fn make_room(standings: &mut HashMap<KeyedHash, Standing>, now: Duration) {
    let full = standings.len();
    let enough = full - full / 10;
    standings.retain(|_, standing| now < standing.forgotten_at);
    let mut least = 1;
    while standings.len() > enough {
        standings.retain(|_, standing| standing.count > least);
        least = least.saturating_mul(2);
    }
}
