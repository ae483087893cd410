//! The replay cache of all instances. While Redis is unavailable it refuses every identifier: another instance may have seen it.

use std::time::Duration;

use async_trait::async_trait;
use holdfast_identity::{authentication::KeyedHash, oauth::ReplayCache, store::StoreError};

use crate::storage::redis::Redis;

/// A replay cache in Redis, as keys `once:<hash>` that expire with the window.
pub struct RedisReplayCache(Redis);

impl RedisReplayCache {
    /// The replay cache in `redis`.
    #[must_use]
    pub const fn new(redis: Redis) -> Self {
        Self(redis)
    }
}

#[async_trait]
impl ReplayCache for RedisReplayCache {
    async fn insert_if_new(&self, name: KeyedHash, window: Duration) -> Result<bool, StoreError> {
        let millis = window.as_millis().max(1);
        let set = self.0.call(async |mut connection| {
            let mut set = redis::cmd("SET");
            set.arg(format!("once:{}", name.hex())).arg("");
            set.arg("NX")
                .arg("PX")
                .arg(i64::try_from(millis).unwrap_or(i64::MAX));
            set.query_async::<Option<String>>(&mut connection).await
        });
        // Redis answers nil if the key exists.
        let set = set.await.map(|set| set.is_some());
        set.ok_or_else(|| StoreError::Unavailable("Redis is unavailable".to_owned()))
    }
}
