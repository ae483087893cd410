//! Opened sessions in memory, as long as their store tells at once what changes.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use holdfast_core::bounded_cache::{Generation, TwoGenerationCache};
use time::OffsetDateTime;
use tokio::time::Instant;
use tower_sessions::session::Id;

use crate::session::{
    browser_session::Session,
    session_id::SessionId,
    sessions::{RecordsUnavailable, SessionRecords, Successor},
    store::encrypted_store::EncryptedRecords,
};

/// How many sessions are remembered, at about a kilobyte each.
const MOST: usize = 32_768;

/// A store that has not been heard for so long may have changed without a word.
const MAX_SILENCE: Duration = Duration::from_millis(1500);

/// What is remembered of sessions, by the key that the store has for them. Clones remember together.
#[derive(Clone)]
pub struct SessionCache(Arc<Inner>);

struct Inner {
    sessions: TwoGenerationCache<Id, Arc<Session>>,
    /// Who is being loaded, how often, and whether it stayed as it was since the first one asked.
    loading: Mutex<HashMap<Id, Loading>>,
    begun: Instant,
    /// Milliseconds from `begun` to when all was heard; zero: it is not heard.
    heard: AtomicU64,
}

#[derive(Clone, Copy)]
struct Loading {
    count: usize,
    is_clean: bool,
}

impl Default for SessionCache {
    fn default() -> Self {
        Self(Arc::new(Inner {
            sessions: TwoGenerationCache::new(MOST),
            loading: Mutex::default(),
            begun: Instant::now(),
            heard: AtomicU64::new(0),
        }))
    }
}

impl SessionCache {
    /// All changes until then were told.
    pub(super) fn heard(&self, until: Instant) {
        let millis = until.duration_since(self.0.begun).as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX).max(1);
        self.0.heard.store(millis, Ordering::Release);
    }

    /// Changes are not told any more: nothing that was remembered counts.
    pub(super) fn lost(&self) {
        self.0.heard.store(0, Ordering::Release);
        self.0.sessions.clear();
    }

    /// This one changed.
    pub(super) fn forget(&self, key: Id) {
        if let Some(loading) = self.loading().get_mut(&key) {
            loading.is_clean = false;
        }
        self.0.sessions.remove(&key);
    }

    fn is_current(&self) -> bool {
        let heard = self.0.heard.load(Ordering::Acquire);
        heard > 0 && self.0.begun.elapsed() < Duration::from_millis(heard) + MAX_SILENCE
    }

    fn find(&self, key: &Id) -> Option<Arc<Session>> {
        self.is_current().then(|| self.0.sessions.get(key))?
    }

    /// Before the store is asked; `None` where the answer is not to be remembered.
    fn begin(&self, key: Id) -> Option<Generation> {
        // First: what is lost after that is not remembered.
        let generation = self.0.sessions.generation();
        if !self.is_current() {
            return None;
        }
        let mut loading = self.loading();
        let entry = loading.entry(key).or_insert(Loading {
            count: 0,
            is_clean: true,
        });
        entry.count += 1;
        Some(generation)
    }

    /// After it answered. What changed meanwhile is not remembered: the answer may be older than the change.
    fn end(&self, key: Id, generation: Generation, found: Option<Arc<Session>>) {
        let mut loading = self.loading();
        let is_clean = loading.get(&key).is_some_and(|entry| entry.is_clean);
        if let (Some(session), true) = (found, is_clean) {
            self.0.sessions.insert(generation, key, session);
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

/// Ends a load, however it ends.
struct Load<'a> {
    opened: &'a SessionCache,
    key: Id,
    generation: Generation,
    found: Option<Arc<Session>>,
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.opened
            .end(self.key, self.generation, self.found.take());
    }
}

/// Sealed records, of which those that are open already are not asked for again.
pub struct CachedRecords {
    records: EncryptedRecords,
    opened: SessionCache,
}

impl CachedRecords {
    /// Takes the records, and the memory that is told what changes.
    #[must_use]
    pub const fn new(records: EncryptedRecords, opened: SessionCache) -> Self {
        Self { records, opened }
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
        if let Some(session) = self.opened.find(&key) {
            return Ok(Some(session));
        }
        let Some(generation) = self.opened.begin(key) else {
            return self.records.load(id).await;
        };
        let mut load = Load {
            opened: &self.opened,
            key,
            generation,
            found: None,
        };
        let found = self.records.load(id).await?;
        load.found.clone_from(&found);
        Ok(found)
    }

    async fn newest(&self, id: &SessionId) -> Result<Option<Arc<Session>>, RecordsUnavailable> {
        let newest = self.records.load(id).await?;
        if newest.is_none() {
            self.opened.forget(EncryptedRecords::key(id));
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
        // Before the store tells it: whoever asked for it is to see it at once.
        self.opened.forget(EncryptedRecords::key(id));
        updated
    }

    async fn remove(&self, id: &SessionId) -> Result<(), RecordsUnavailable> {
        let removed = self.records.remove(id).await;
        self.opened.forget(EncryptedRecords::key(id));
        removed
    }

    async fn leave_successor(
        &self,
        old: &SessionId,
        successor: &Successor,
        until: OffsetDateTime,
    ) -> Result<bool, RecordsUnavailable> {
        self.records.leave_successor(old, successor, until).await
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
