//! The attempt counters of all instances, in Redis.
//!
//! While Redis is unavailable, each instance counts in its own memory, so that sign-in continues with a limit. What is to be refunded in Redis
//! then is refunded with the first attempt that Redis counts again.

use std::{
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use holdfast_core::clock::Clock;
use holdfast_identity::authentication::{CountedIn, Counter, Limit, RateLimitCounters, Throttled};
use redis::Script;

use crate::storage::{counters::memory::InMemoryCounters, redis::Redis};

/// Counts an attempt on all counters, or on none if one of them has a wait.
///
/// `KEYS`: hashes with the fields `count`, `until` (end of the wait) and `told` (whether the wait has been reported). `ARGV`: five numbers for
/// each counter, see [`arguments`]. Times are milliseconds by the clock of Redis, as those of the instances may differ. Returns the longest
/// wait, 0 if the attempt was counted, and whether the wait is reported for the first time.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local time, wait, is_first = redis.call('TIME'), 0, 0
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, key in ipairs(KEYS) do
  local blocked = redis.pcall('HGET', key, 'until')
  if type(blocked) == 'table' then
    -- The key is not a hash.
    redis.call('DEL', key)
    blocked = nil
  end
  local left = (tonumber(blocked or '0') or 0) - now
  if left > 0 then
    if redis.call('HSETNX', key, 'told', '1') == 1 then is_first = 1 end
    if left > wait then wait = left end
  end
end
if wait > 0 then return {wait, is_first} end
for i, key in ipairs(KEYS) do
  local a = 1 + (i - 1) * 5
  local free, first, longest = tonumber(ARGV[a]), tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
  local memory, prolonged = tonumber(ARGV[a + 3]), ARGV[a + 4] == '1'
  local count = redis.pcall('HINCRBY', key, 'count', 1)
  if type(count) == 'table' then
    redis.call('DEL', key)
    count = redis.call('HINCRBY', key, 'count', 1)
  end
  if count == 1 or prolonged then redis.call('PEXPIRE', key, memory) end
  redis.call('HDEL', key, 'told')
  if count >= free then
    local pause = math.min(first * 2 ^ math.min(count - free, 40), longest, redis.call('PTTL', key))
    redis.call('HSET', key, 'until', string.format('%.0f', now + pause))
  end
end
return {0, 0}",
    )
});

/// Takes one attempt back on each counter, and ends its wait. `KEYS`: as for [`COUNT`].
static REFUND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    local count = redis.pcall('HINCRBY', key, 'count', -1)
    if type(count) == 'table' or count <= 0 then
      redis.call('DEL', key)
    else
      redis.call('HDEL', key, 'until')
    end
  end
end",
    )
});

/// Refunds that are kept for a Redis that is unavailable. Further ones are lost, and counters in Redis stay too high until they expire.
const MAX_PENDING_REFUNDS: usize = 10_000;

/// Refunds that are made with one attempt after an outage.
const REFUNDS_AT_ONCE: usize = 200;

/// Attempt counters in Redis, as keys `throttle:<hash>`.
pub struct RedisCounters {
    redis: Redis,
    /// In use while Redis is unavailable.
    fallback: InMemoryCounters,
    /// Keys from which one has still to be subtracted, each as often as it is listed.
    pending_refunds: Mutex<Vec<String>>,
}

impl RedisCounters {
    /// The counters in `redis`. `clock` measures waits while it is unavailable.
    #[must_use]
    pub fn new(redis: Redis, clock: Arc<dyn Clock>) -> Self {
        Self {
            redis,
            fallback: InMemoryCounters::new(clock),
            pending_refunds: Mutex::default(),
        }
    }

    fn key(&self, counter: &Counter) -> String {
        self.redis.key("throttle", &counter.name.hex())
    }

    /// Subtracts one from each key, now or when Redis is available again.
    async fn refund_keys(&self, keys: Vec<String>) {
        let outcome = self.redis.call(async |mut connection| {
            let mut refund = REFUND.prepare_invoke();
            for key in &keys {
                refund.key(key);
            }
            refund.invoke_async::<()>(&mut connection).await
        });
        if outcome.await.is_none() {
            let mut pending = self.pending_refunds();
            let room = MAX_PENDING_REFUNDS.saturating_sub(pending.len());
            pending.extend(keys.into_iter().take(room));
        }
    }

    async fn make_pending_refunds(&self) {
        let keys: Vec<_> = {
            let mut pending = self.pending_refunds();
            let kept = pending.len().saturating_sub(REFUNDS_AT_ONCE);
            pending.drain(kept..).collect()
        };
        if !keys.is_empty() {
            self.refund_keys(keys).await;
        }
    }

    fn pending_refunds(&self) -> MutexGuard<'_, Vec<String>> {
        let pending = self.pending_refunds.lock();
        pending.unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RateLimitCounters for RedisCounters {
    async fn count(&self, counters: &[Counter]) -> Result<CountedIn, Throttled> {
        let is_available = self.redis.is_available();
        let outcome = self.redis.call(async |mut connection| {
            let mut count = COUNT.prepare_invoke();
            for counter in counters {
                count.key(self.key(counter));
                for argument in arguments(counter.limit) {
                    count.arg(argument);
                }
            }
            count.invoke_async::<(u64, u8)>(&mut connection).await
        });
        let Some((wait, is_first)) = outcome.await else {
            self.fallback.count(counters).await?;
            return Ok(if is_available {
                CountedIn::Either
            } else {
                CountedIn::Process
            });
        };
        self.make_pending_refunds().await;
        if wait == 0 {
            return Ok(CountedIn::Shared);
        }
        Err(Throttled {
            retry_after: Duration::from_millis(wait),
            is_first: is_first == 1,
        })
    }

    async fn refund(&self, counters: &[Counter], counted_in: CountedIn) {
        if counted_in != CountedIn::Process && !counters.is_empty() {
            let keys = counters.iter().map(|counter| self.key(counter));
            self.refund_keys(keys.collect()).await;
        }
        if counted_in != CountedIn::Shared {
            self.fallback.refund(counters, counted_in).await;
        }
    }

    async fn reset(&self, counter: &Counter, counted_in: CountedIn) {
        let outcome = self.redis.call(async |mut connection| {
            let mut delete = redis::cmd("DEL");
            delete.arg(self.key(counter));
            delete.query_async::<()>(&mut connection).await
        });
        if outcome.await.is_none() && counted_in != CountedIn::Process {
            self.refund_keys(vec![self.key(counter)]).await;
        }
        self.fallback.reset(counter, counted_in).await;
    }
}

/// A limit as arguments of the script: the first count with a wait, the first wait, the longest wait, the lifetime of the counter, and
/// whether each attempt prolongs that lifetime.
fn arguments(limit: Limit) -> [u128; 5] {
    let (lifetime, is_prolonged) = limit.retention();
    let (first_blocked, max_delay) = match limit {
        Limit::Backoff {
            free, max_delay, ..
        } => (free, max_delay),
        Limit::Window { max, length } => (max, length),
    };
    [
        first_blocked.into(),
        limit.delay_after(first_blocked).as_millis(),
        max_delay.as_millis(),
        lifetime.as_millis(),
        is_prolonged.into(),
    ]
}
