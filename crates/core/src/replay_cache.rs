//! The replay cache: identifiers that may be used once, such as those of DPoP proofs, client assertions and challenges.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{clock::Clock, replay_set::BoundedReplaySet};

/// Records identifiers that were used. In Redis it is shared by all instances.
#[async_trait]
pub trait ReplayCache: Send + Sync {
    /// Records `key` for `window`, and returns true if it was not recorded already. `owner` is who causes it, such as an account: no owner fills a
    /// cache in memory.
    ///
    /// # Errors
    /// When that is unknown. The caller must then refuse what the key identifies.
    async fn insert_if_new(
        &self,
        key: &str,
        owner: &str,
        window: Duration,
    ) -> Result<bool, ReplayCacheError>;
}

/// The replay cache is full, or Redis does not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReplayCacheError(pub String);

/// A replay cache in the memory of one process.
pub struct InMemoryReplayCache {
    used: BoundedReplaySet<Arc<str>>,
    clock: Arc<dyn Clock>,
}

impl InMemoryReplayCache {
    /// Creates an empty cache of at most `capacity` keys, at some 200 bytes each.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        Self {
            used: BoundedReplaySet::new(capacity),
            clock,
        }
    }
}

#[async_trait]
impl ReplayCache for InMemoryReplayCache {
    async fn insert_if_new(
        &self,
        key: &str,
        owner: &str,
        window: Duration,
    ) -> Result<bool, ReplayCacheError> {
        let uptime = self.clock.uptime();
        let inserted = self.used.insert_if_new((key.into(), owner), uptime, window);
        inserted.map_err(|full| ReplayCacheError(full.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test]
    async fn used_key_is_refused_until_the_window_has_passed() {
        let clock = ManualClock::default();
        let cache = InMemoryReplayCache::new(Arc::new(clock.clone()), 10);
        let minute = Duration::from_mins(1);
        assert!(cache.insert_if_new("a", "one", minute).await.unwrap());
        assert!(!cache.insert_if_new("a", "one", minute).await.unwrap());
        assert!(cache.insert_if_new("b", "two", minute).await.unwrap());
        clock.leap(time::Duration::HOUR);
        assert!(
            !cache.insert_if_new("a", "one", minute).await.unwrap(),
            "no time has passed"
        );
        clock.advance(minute);
        assert!(cache.insert_if_new("a", "one", minute).await.unwrap());
    }

    #[tokio::test]
    async fn full_cache_refuses_new_keys() {
        let cache = InMemoryReplayCache::new(Arc::new(ManualClock::default()), 1);
        let minute = Duration::from_mins(1);
        assert!(cache.insert_if_new("a", "one", minute).await.unwrap());
        assert!(cache.insert_if_new("b", "two", minute).await.is_err());
        assert!(!cache.insert_if_new("a", "one", minute).await.unwrap());
    }
}
