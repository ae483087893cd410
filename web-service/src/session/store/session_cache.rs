//! A cache of opened sessions, which is used while Redis pushes invalidations.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use holdfast_core::bounded_cache::{ClearCount, TwoGenerationCache};
use time::OffsetDateTime;
use tokio::time::Instant;
use tower_sessions::session::Id;

use crate::session::{
    browser_session::Session,
    records::{SessionRecords, Successor},
    session_id::SessionId,
    store::{encrypted_store::EncryptedRecords, metrics},
    unavailable::RecordsUnavailable,
};

/// Number of cached sessions, of about a kilobyte each.
const CAPACITY: usize = 32_768;

/// Age of the last [`SessionCache::mark_current`] at which the cache is not used any more.
const MAX_AGE: Duration = Duration::from_millis(1500);

/// Opened sessions by their key in the store. Clones share them.
#[derive(Clone)]
pub struct SessionCache(Arc<Inner>);

struct Inner {
    sessions: TwoGenerationCache<Id, Arc<Session>>,
    /// Keys that are being loaded.
    loading: Mutex<HashMap<Id, Loading>>,
    created_at: Instant,
    /// Milliseconds from `created_at` to the time up to which all invalidations were received; 0 while they are not received.
    current_at: AtomicU64,
}

/// Loads of one key in progress.
#[derive(Clone, Copy)]
struct Loading {
    count: usize,
    /// Whether the key was not invalidated since the first of them began.
    is_clean: bool,
}

impl Default for SessionCache {
    fn default() -> Self {
        Self(Arc::new(Inner {
            sessions: TwoGenerationCache::new(CAPACITY),
            loading: Mutex::default(),
            created_at: Instant::now(),
            current_at: AtomicU64::new(0),
        }))
    }
}

impl SessionCache {
    /// All invalidations up to `until` were received.
    pub(super) fn mark_current(&self, until: Instant) {
        let millis = until.duration_since(self.0.created_at).as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX).max(1);
        self.0.current_at.store(millis, Ordering::Release);
        metrics::record_current(true);
    }

    /// Invalidations may have been lost: removes every session, and disables the cache until the next
    /// [`mark_current`](Self::mark_current).
    pub(super) fn invalidate_all(&self) {
        let was_current = self.0.current_at.swap(0, Ordering::AcqRel) > 0;
        metrics::record_current(false);
        metrics::CLEARINGS.inc_by(u64::from(was_current));
        self.0.sessions.clear();
    }

    /// The record with this key changed.
    pub(super) fn invalidate(&self, key: Id) {
        if let Some(loading) = self.loading().get_mut(&key) {
            loading.is_clean = false;
        }
        metrics::INVALIDATIONS.inc();
        self.0.sessions.remove(&key);
    }

    fn is_current(&self) -> bool {
        let current_at = self.0.current_at.load(Ordering::Acquire);
        current_at > 0 && self.0.created_at.elapsed() < Duration::from_millis(current_at) + MAX_AGE
    }

    fn find(&self, key: &Id) -> Option<Arc<Session>> {
        self.is_current().then(|| self.0.sessions.get(key))?
    }

    /// Begins a load; `None` where its result must not be cached.
    fn begin_load(&self, key: Id) -> Option<ClearCount> {
        // Read first, so that an `invalidate_all` from here on prevents the insertion.
        let since = self.0.sessions.clear_count();
        if !self.is_current() {
            return None;
        }
        let mut loading = self.loading();
        let entry = loading.entry(key).or_insert(Loading {
            count: 0,
            is_clean: true,
        });
        entry.count += 1;
        Some(since)
    }

    /// Ends a load. Its result is not cached if the key was invalidated meanwhile, as it may be older than the change.
    fn end_load(&self, key: Id, since: ClearCount, found: Option<Arc<Session>>) {
        let mut loading = self.loading();
        let is_clean = loading.get(&key).is_some_and(|entry| entry.is_clean);
        if let (Some(session), true) = (found, is_clean) {
            self.0.sessions.insert(since, key, session);
        }
        if let Some(entry) = loading.get_mut(&key) {
            entry.count -= 1;
            if entry.count == 0 {
                loading.remove(&key);
            }
        }
    }

    fn loading(&self) -> MutexGuard<'_, HashMap<Id, Loading>> {
        self.0
            .loading
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A load in progress; ends it also when it is dropped early.
struct Load<'a> {
    cache: &'a SessionCache,
    key: Id,
    since: ClearCount,
    found: Option<Arc<Session>>,
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.cache.end_load(self.key, self.since, self.found.take());
    }
}

/// Sealed records, of which opened ones are read from a cache.
pub struct CachedRecords {
    records: EncryptedRecords,
    cache: SessionCache,
}

impl CachedRecords {
    /// Records that are read through `cache`, which must receive the invalidations of their store.
    #[must_use]
    pub const fn new(records: EncryptedRecords, cache: SessionCache) -> Self {
        Self { records, cache }
    }
}

#[async_trait]
impl SessionRecords for CachedRecords {
    async fn create(
        &self,
        session: &Session,
        until: OffsetDateTime,
    ) -> Result<SessionId, RecordsUnavailable> {
        self.records.create(session, until).await
    }

    async fn load(&self, id: &SessionId) -> Result<Option<Arc<Session>>, RecordsUnavailable> {
        let key = EncryptedRecords::key(id);
        if let Some(session) = self.cache.find(&key) {
            metrics::HITS.inc();
            return Ok(Some(session));
        }
        metrics::MISSES.inc();
        let Some(since) = self.cache.begin_load(key) else {
            return self.records.load(id).await;
        };
        let mut load = Load {
            cache: &self.cache,
            key,
            since,
            found: None,
        };
        let found = self.records.load(id).await?;
        load.found.clone_from(&found);
        Ok(found)
    }

    async fn load_uncached(
        &self,
        id: &SessionId,
    ) -> Result<Option<Arc<Session>>, RecordsUnavailable> {
        let newest = self.records.load(id).await?;
        if newest.is_none() {
            self.cache.invalidate(EncryptedRecords::key(id));
        }
        Ok(newest)
    }

    async fn update(
        &self,
        id: &SessionId,
        session: &Session,
        until: OffsetDateTime,
    ) -> Result<(), RecordsUnavailable> {
        let updated = self.records.update(id, session, until).await;
        // Without waiting for the push, so that the next request of the same browser sees the change.
        self.cache.invalidate(EncryptedRecords::key(id));
        updated
    }

    async fn remove(&self, id: &SessionId) -> Result<(), RecordsUnavailable> {
        let removed = self.records.remove(id).await;
        self.cache.invalidate(EncryptedRecords::key(id));
        removed
    }

    async fn insert_successor(
        &self,
        old: &SessionId,
        successor: &Successor,
        until: OffsetDateTime,
    ) -> Result<bool, RecordsUnavailable> {
        self.records.insert_successor(old, successor, until).await
    }

    async fn successor(&self, old: &SessionId) -> Result<Option<Successor>, RecordsUnavailable> {
        self.records.successor(old).await
    }

    async fn ping(&self) -> Result<(), RecordsUnavailable> {
        self.records.ping().await
    }
}

#[cfg(test)]
mod tests;
