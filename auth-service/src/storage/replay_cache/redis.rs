//! What any instance saw. While Redis does not answer nobody goes on: another instance may have seen it.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    domain::{dpop::ReplayMemory, ports::StoreError, throttle::Blinded},
    storage::redis::Redis,
};

/// In Redis.
pub struct RedisReplays(Redis);

impl RedisReplays {
    /// Takes the Redis.
    #[must_use]
    pub const fn new(redis: Redis) -> Self {
        Self(redis)
    }
}

#[async_trait]
impl ReplayMemory for RedisReplays {
    async fn is_first(&self, name: Blinded, window: Duration) -> Result<bool, StoreError> {
        let millis = window.as_millis().max(1);
        let set = self.0.ask(async |mut connection| {
            let mut set = redis::cmd("SET");
            set.arg(format!("once:{}", name.hex())).arg("");
            set.arg("NX")
                .arg("PX")
                .arg(i64::try_from(millis).unwrap_or(i64::MAX));
            set.query_async::<Option<String>>(&mut connection).await
        });
        // Nothing, where it was there.
        let set = set.await.map(|set| set.is_some());
        set.ok_or_else(|| StoreError::Unavailable("Redis does not answer".to_owned()))
    }
}
