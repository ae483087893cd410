//! The replay cache in Redis, shared by all instances.

use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::replay_cache::{ReplayCache, ReplayCacheError};

use crate::storage::redis::Redis;

/// A replay cache in Redis, as keys `once:<key>` that expire with the window. While Redis is unavailable, every key is refused: another instance may have recorded it.
pub struct RedisReplayCache(Redis);

impl RedisReplayCache {
    /// Creates a cache in this Redis.
    #[must_use]
    pub const fn new(redis: Redis) -> Self {
        Self(redis)
    }
}

#[async_trait]
impl ReplayCache for RedisReplayCache {
    async fn insert_if_new(
        &self,
        key: &str,
        _owner: &str,
        window: Duration,
    ) -> Result<bool, ReplayCacheError> {
        let millis = window.as_millis().max(1);
        let key = self.0.key("once", key);
        let set = self.0.call(async |mut connection| {
            let mut set = redis::cmd("SET");
            set.arg(key).arg("");
            set.arg("NX")
                .arg("PX")
                .arg(i64::try_from(millis).unwrap_or(i64::MAX));
            set.query_async::<Option<String>>(&mut connection).await
        });
        // Redis answers nil if the key exists.
        let inserted = set.await.map(|set| set.is_some());
        inserted.ok_or_else(|| ReplayCacheError("Redis is unavailable".to_owned()))
    }
}
