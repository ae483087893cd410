//! The session store that the configuration selects.

use std::sync::Arc;

use holdfast_core::{
    clock::Clock,
    replay_cache::{InMemoryReplayCache, ReplayCache},
};
use holdfast_crypto::random::SystemRandom;

use crate::{
    config::SessionStoreConfig,
    session::{
        records::SessionRecords,
        store::{
            encrypted_store::EncryptedRecords,
            memory::MemoryStore,
            redis::{self, BreakerStore},
            session_cache::{CachedRecords, SessionCache},
        },
    },
};

/// Maximum number of used challenges that one process keeps in memory.
const REPLAY_CAPACITY: usize = 200_000;

/// The session store, and the replay cache in the same place.
pub(super) struct SessionStore {
    pub(super) records: Arc<dyn SessionRecords>,
    pub(super) replay_cache: Arc<dyn ReplayCache>,
    /// Redis, if that is the store: readiness depends on it.
    pub(super) redis: Option<Arc<BreakerStore>>,
}

/// Connects to the store.
///
/// # Errors
/// When Redis cannot be configured.
pub(super) async fn connect(
    config: SessionStoreConfig,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<SessionStore> {
    let random = Arc::new(SystemRandom);
    Ok(match config {
        SessionStoreConfig::Memory => {
            let store = Arc::new(MemoryStore::new(clock.clone()));
            SessionStore {
                records: Arc::new(EncryptedRecords::new(store, random)),
                replay_cache: Arc::new(InMemoryReplayCache::new(clock.clone(), REPLAY_CAPACITY)),
                redis: None,
            }
        }
        SessionStoreConfig::Redis { url, replicas } => {
            let redis = redis::connect(&url, replicas, clock.clone()).await?;
            let cache = SessionCache::default();
            redis.track(cache.clone());
            let records = EncryptedRecords::new(redis.clone(), random).dated_by(redis.clone());
            SessionStore {
                records: Arc::new(CachedRecords::new(records, cache)),
                replay_cache: redis.clone(),
                redis: Some(redis),
            }
        }
    })
}
