//! The attempt counters of all instances, in Redis.
//!
//! While Redis is unavailable, each instance counts in its own memory, so that sign-in continues with a limit.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use holdfast_core::clock::Clock;
use holdfast_identity::authentication::{Counter, Limit, RateLimitCounters, Throttled};
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

/// Attempt counters in Redis, as keys `throttle:<hash>`.
pub struct RedisCounters {
    redis: Redis,
    /// In use while Redis is unavailable.
    fallback: InMemoryCounters,
}

impl RedisCounters {
    /// The counters in `redis`. `clock` measures waits while it is unavailable.
    #[must_use]
    pub fn new(redis: Redis, clock: Arc<dyn Clock>) -> Self {
        Self {
            redis,
            fallback: InMemoryCounters::new(clock),
        }
    }

    fn key(&self, counter: &Counter) -> String {
        self.redis.key("throttle", &counter.name.hex())
    }
}

#[async_trait]
impl RateLimitCounters for RedisCounters {
    async fn count(&self, counters: &[Counter]) -> Result<(), Throttled> {
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
        match outcome.await {
            Some((0, _)) => Ok(()),
            Some((wait, is_first)) => Err(Throttled {
                retry_after: Duration::from_millis(wait),
                is_first: is_first == 1,
            }),
            None => self.fallback.count(counters).await,
        }
    }

    async fn refund(&self, counters: &[Counter]) {
        let outcome = self.redis.call(async |mut connection| {
            let mut refund = REFUND.prepare_invoke();
            for counter in counters {
                refund.key(self.key(counter));
            }
            refund.invoke_async::<()>(&mut connection).await
        });
        outcome.await;
        self.fallback.refund(counters).await;
    }

    async fn reset(&self, counter: &Counter) {
        let outcome = self.redis.call(async |mut connection| {
            let mut delete = redis::cmd("DEL");
            delete.arg(self.key(counter));
            delete.query_async::<()>(&mut connection).await
        });
        outcome.await;
        self.fallback.reset(counter).await;
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
