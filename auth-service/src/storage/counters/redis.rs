//! Counters that instances share. Redis sees keyed hashes and numbers.
//!
//! While Redis does not answer, each instance counts for itself: sign-in goes on, and so does its limit.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use holdfast_core::clock::Clock;
use holdfast_identity::authentication::{AttemptCounters, Counter, KeyedHash, Limit, Throttled};
use redis::Script;

use crate::storage::{counters::memory::InMemoryAttemptCounters, redis::Redis};

/// `KEYS`: the counters. `ARGV`: for each counter the wait after this time for every count that matters. All times in milliseconds,
/// on Redis' own clock: those of the instances may differ. Gives the longest wait and whether it is news, or zero.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local time, wait, news = redis.call('TIME'), 0, 0
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, key in ipairs(KEYS) do
  local blocked = redis.pcall('HGET', key, 'until')
  if type(blocked) == 'table' then
    -- Something else is under this name.
    redis.call('DEL', key)
    blocked = nil
  end
  local left = (tonumber(blocked or '0') or 0) - now
  if left > 0 then
    if redis.call('HSETNX', key, 'told', '1') == 1 then news = 1 end
    if left > wait then wait = left end
  end
end
if wait > 0 then return {wait, news} end
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

/// `KEYS`: the counters.
static TAKE_BACK: LazyLock<Script> = LazyLock::new(|| {
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

/// Counters in Redis.
pub struct RedisAttemptCounters {
    redis: Redis,
    alone: InMemoryAttemptCounters,
}

impl RedisAttemptCounters {
    /// Takes the Redis, and the clock for while it is away.
    #[must_use]
    pub fn new(redis: Redis, clock: Arc<dyn Clock>) -> Self {
        Self {
            redis,
            alone: InMemoryAttemptCounters::new(clock),
        }
    }
}

#[async_trait]
impl AttemptCounters for RedisAttemptCounters {
    async fn count(&self, counters: &[Counter]) -> Result<(), Throttled> {
        let answer = self.redis.ask(async |mut connection| {
            let mut count = COUNT.prepare_invoke();
            for counter in counters {
                count.key(key(counter.name));
                for number in numbers(counter.limit) {
                    count.arg(number);
                }
            }
            count.invoke_async::<(u64, u8)>(&mut connection).await
        });
        match answer.await {
            Some((0, _)) => Ok(()),
            Some((wait, news)) => Err(Throttled {
                retry_after: Duration::from_millis(wait),
                is_first: news == 1,
            }),
            None => self.alone.count(counters).await,
        }
    }

    async fn refund(&self, counters: &[Counter]) {
        let answer = self.redis.ask(async |mut connection| {
            let mut refund = TAKE_BACK.prepare_invoke();
            for counter in counters {
                refund.key(key(counter.name));
            }
            refund.invoke_async::<()>(&mut connection).await
        });
        answer.await;
        self.alone.refund(counters).await;
    }

    async fn forget(&self, counter: &Counter) {
        let answer = self.redis.ask(async |mut connection| {
            let mut delete = redis::cmd("DEL");
            delete.arg(key(counter.name));
            delete.query_async::<()>(&mut connection).await
        });
        answer.await;
        self.alone.forget(counter).await;
    }
}

fn key(name: KeyedHash) -> String {
    format!("throttle:{}", name.hex())
}

/// As the script takes a limit: from which count on one waits, the first wait, the longest, how long it is remembered, and
/// whether that is prolonged.
fn numbers(limit: Limit) -> [u128; 5] {
    let (memory, is_prolonged) = limit.memory();
    let (first_blocked, longest) = match limit {
        Limit::Growing { free, longest, .. } => (free, longest),
        Limit::Window { most, length } => (most, length),
    };
    [
        first_blocked.into(),
        limit.wait_after(first_blocked).as_millis(),
        longest.as_millis(),
        memory.as_millis(),
        is_prolonged.into(),
    ]
}
