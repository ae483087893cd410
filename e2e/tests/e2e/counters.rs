//! Attempt counters in memory and in Redis behave alike; the replay cache in Redis is shared by all instances.

use std::{sync::Arc, time::Duration};

use auth_service::storage::{
    counters::{memory::InMemoryCounters, redis::RedisCounters},
    redis::Redis as Shared,
    replay_cache::RedisReplayCache,
};
use e2e::{redis::Redis, wait::until};
use futures_util::future::join_all;
use holdfast_core::{
    clock::{ManualClock, SystemClock},
    replay_cache::ReplayCache as _,
};
use holdfast_identity::authentication::{
    CountedIn, Counter, KeyedHash, Limit, RateLimitCounters, Throttled,
};
use holdfast_server_kit::config::RedisUrl;

const MINUTE: Duration = Duration::from_mins(1);

const fn growing(name: u8) -> Counter {
    Counter {
        name: KeyedHash([name; 16]),
        limit: Limit::Backoff {
            free: 3,
            max_delay: Duration::from_secs(5),
            reset_after: MINUTE,
        },
    }
}

const fn window(name: u8) -> Counter {
    Counter {
        name: KeyedHash([name; 16]),
        limit: Limit::Window {
            max: 3,
            length: MINUTE,
        },
    }
}

fn shared(redis: &Redis) -> Shared {
    let url = RedisUrl::parse("AUTH_REDIS_URL", &redis.url()).unwrap();
    Shared::new(&url).unwrap()
}

fn in_redis(redis: &Redis) -> RedisCounters {
    RedisCounters::new(shared(redis), Arc::new(SystemClock))
}

fn waits(seconds: u64, is_first: bool) -> Result<(), Throttled> {
    Err(Throttled {
        retry_after: Duration::from_secs(seconds),
        is_first,
    })
}

/// Counts an attempt. The wait is rounded up to whole seconds.
async fn count(counters: &dyn RateLimitCounters, counter: Counter) -> Result<(), Throttled> {
    let outcome = counters.count(&[counter]).await;
    outcome.map(drop).map_err(|throttled| {
        let begun = throttled.retry_after + Duration::from_millis(999);
        Throttled {
            retry_after: Duration::from_secs(begun.as_secs()),
            ..throttled
        }
    })
}

/// Checks the behaviour of counters. `pass` advances their clock by seconds.
async fn check_counters(counters: &dyn RateLimitCounters, pass: impl AsyncFn(u64)) {
    let count = async |counter| count(counters, counter).await;

    // Waits grow up to the longest; a rejected attempt is not counted.
    let one = growing(1);
    for _ in 0..3 {
        assert_eq!(count(one).await, Ok(()));
    }
    assert_eq!(count(one).await, waits(1, true));
    assert_eq!(count(one).await, waits(1, false));
    pass(1).await;
    assert_eq!(count(one).await, Ok(()));
    assert_eq!(count(one).await, waits(2, true));
    pass(2).await;
    assert_eq!(count(one).await, Ok(()));
    assert_eq!(count(one).await, waits(4, true));
    pass(4).await;
    assert_eq!(count(one).await, Ok(()));
    assert_eq!(count(one).await, waits(5, true));

    // When one of several counters requires a wait, none is incremented.
    let two = growing(2);
    assert!(counters.count(&[one, two]).await.is_err());
    for _ in 0..3 {
        assert_eq!(count(two).await, Ok(()));
    }

    // A refund decrements a counter; forgetting removes it.
    counters.refund(&[two], CountedIn::Either).await;
    assert_eq!(count(two).await, Ok(()));
    assert_eq!(count(two).await, waits(1, true));
    counters.reset(&two, CountedIn::Either).await;
    for _ in 0..3 {
        assert_eq!(count(two).await, Ok(()));
    }

    // A full window rejects until its end.
    let three = window(3);
    for _ in 0..3 {
        assert_eq!(count(three).await, Ok(()));
    }
    let refused = count(three).await.unwrap_err().retry_after;
    assert!(
        refused <= MINUTE && refused > Duration::from_secs(58),
        "{refused:?}"
    );

    // A refund of a window allows another attempt.
    counters.refund(&[three], CountedIn::Either).await;
    assert_eq!(count(three).await, Ok(()));
    assert!(count(three).await.is_err());

    // Of many concurrent attempts, only the allowed number is counted.
    let four = growing(4);
    let outcomes = join_all((0..50).map(|_| count(four))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    let is_first =
        |outcome: &&Result<(), Throttled>| outcome.is_err_and(|refused| refused.is_first);
    assert_eq!(outcomes.iter().filter(is_first).count(), 1);
}

#[tokio::test]
async fn attempt_counters_in_memory_and_redis_agree() {
    let clock = ManualClock::default();
    let pass = async |seconds| clock.advance(Duration::from_secs(seconds));
    check_counters(&InMemoryCounters::new(Arc::new(clock.clone())), pass).await;
    let redis = Redis::start().await;
    // The clock of Redis cannot be changed, so the stored end of the wait is.
    let pass = async |seconds: u64| {
        for key in redis.keys().await {
            if redis.cli(&["HEXISTS", &key, "until"]).await == "1" {
                let by = format!("-{}", seconds * 1000);
                redis.cli(&["HINCRBY", &key, "until", &by]).await;
            }
        }
    };
    check_counters(&in_redis(&redis), pass).await;
}

#[tokio::test]
async fn clock_leap_shortens_no_wait() {
    let clock = ManualClock::default();
    let counters = InMemoryCounters::new(Arc::new(clock.clone()));
    for _ in 0..3 {
        counters.count(&[growing(1)]).await.unwrap();
    }
    clock.leap(time::Duration::days(1));
    assert_eq!(count(&counters, growing(1)).await, waits(1, true));
}

#[tokio::test]
async fn instances_share_counters_and_count_alone_during_redis_outage() {
    let mut redis = Redis::start().await;
    let (one, two) = (in_redis(&redis), in_redis(&redis));
    for _ in 0..3 {
        assert_eq!(one.count(&[growing(1)]).await, Ok(CountedIn::Shared));
    }
    assert!(two.count(&[growing(1)]).await.is_err());

    redis.kill().await;
    for _ in 0..3 {
        assert!(two.count(&[growing(1)]).await.is_ok());
    }
    assert!(two.count(&[growing(1)]).await.is_err(), "the limit holds");
}

/// Otherwise the owner of an account, who signs in again and again during an outage, would be locked out after it.
#[tokio::test]
async fn refund_during_redis_outage_is_made_after_it() {
    let redis = Redis::start().await;
    let counters = in_redis(&redis);
    let before = counters.count(&[window(1)]).await.unwrap();
    assert_eq!(before, CountedIn::Shared);

    redis.hang(true);
    // Redis counts this attempt when it continues.
    let during = counters.count(&[window(1), window(2)]).await.unwrap();
    assert_eq!(during, CountedIn::Either);
    let later = counters.count(&[window(2)]).await.unwrap();
    assert_eq!(later, CountedIn::Process);
    counters.refund(&[window(2)], later).await;
    counters.refund(&[window(1), window(2)], during).await;
    counters.refund(&[window(1)], before).await;
    redis.hang(false);

    until("attempts to be counted in Redis again", async || {
        let counted = counters.count(&[window(9)]).await.ok()?;
        counters.refund(&[window(9)], counted).await;
        (counted == CountedIn::Shared).then_some(())
    })
    .await;
    assert_eq!(redis.keys().await, ["once:probe"]);
}

#[tokio::test]
async fn counters_of_many_keys_are_bounded_and_keep_the_highest() {
    let clock = Arc::new(ManualClock::default());
    let counters = InMemoryCounters::with_capacity(clock, 1000);
    let guessed = growing(1);
    for _ in 0..3 {
        counters.count(&[guessed]).await.unwrap();
    }
    for number in 0..100_000_u128 {
        let counter = Counter {
            name: KeyedHash((u128::MAX - number).to_be_bytes()),
            ..growing(0)
        };
        counters.count(&[counter]).await.unwrap();
    }
    assert!(counters.len() <= 1000, "{}", counters.len());
    assert!(counters.count(&[guessed]).await.is_err());
}

#[tokio::test]
async fn replay_cache_in_redis_is_shared_and_survives_restart() {
    let mut redis = Redis::start().await;
    let instances = [shared(&redis), shared(&redis)].map(RedisReplayCache::new);
    let see = async |instance: &RedisReplayCache, name| {
        let key = KeyedHash([name; 16]).hex();
        instance.insert_if_new(&key, "ada", MINUTE).await
    };
    assert!(see(&instances[0], 1).await.unwrap());
    assert!(!see(&instances[1], 1).await.unwrap());
    let among_many = (0..50).map(|turn| see(&instances[turn % 2], 2));
    let firsts = join_all(among_many).await;
    let firsts = firsts.into_iter().filter(|first| *first.as_ref().unwrap());
    assert_eq!(firsts.count(), 1);

    redis.restart().await;
    let seen = until("Redis", async || see(&instances[0], 1).await.ok()).await;
    assert!(!seen, "it is on disk");

    redis.kill().await;
    assert!(
        see(&instances[0], 3).await.is_err(),
        "without Redis nothing is accepted"
    );
}

#[tokio::test]
async fn foreign_value_under_counter_key_is_replaced() {
    let redis = Redis::start().await;
    let counters = in_redis(&redis);
    let key = format!("throttle:{}", growing(1).name.hex());
    for spoil in [
        &["SET", &key, "x"][..],
        &["LPUSH", &key, "x"],
        &["HSET", &key, "count", "x"],
        &["HSET", &key, "until", "x"],
    ] {
        redis.cli(&["DEL", &key]).await;
        redis.cli(spoil).await;
        counters.count(&[growing(1), growing(2)]).await.unwrap();
        assert_eq!(redis.cli(&["HGET", &key, "count"]).await, "1", "{spoil:?}");
        redis.cli(&["DEL", &key]).await;
        redis.cli(spoil).await;
        counters.refund(&[growing(1)], CountedIn::Either).await;
        counters.reset(&growing(2), CountedIn::Either).await;
    }
}
