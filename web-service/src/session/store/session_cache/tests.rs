use std::sync::Arc;

use holdfast_core::{
    assurance_level::AssuranceLevel,
    clock::{Clock as _, ManualClock},
};
use holdfast_crypto::random::SystemRandom;
use tower_sessions::{session::Record, session_store};

use super::*;
use crate::session::store::memory::MemoryStore;

/// A store that counts its reads.
#[derive(Clone, Debug)]
struct CountingStore(Arc<MemoryStore>, Arc<AtomicU64>);

#[async_trait]
impl tower_sessions::SessionStore for CountingStore {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.0.create(record).await
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.0.save(record).await
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.load(id).await
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.0.delete(id).await
    }
}

struct Fixture {
    records: CachedRecords,
    cache: SessionCache,
    reads: Arc<AtomicU64>,
    id: SessionId,
}

impl Fixture {
    async fn new() -> Self {
        let clock = ManualClock::default();
        let now = clock.now();
        let reads = Arc::new(AtomicU64::new(0));
        let store = CountingStore(Arc::new(MemoryStore::new(Arc::new(clock))), reads.clone());
        let sealed = EncryptedRecords::new(Arc::new(store), Arc::new(SystemRandom));
        let session = Session {
            user_id: "u".into(),
            username: "ada".into(),
            sid: "s".into(),
            epoch: "e".into(),
            refresh_token: "r".to_owned().into(),
            authenticated_at: now,
            amr: vec!["pwd".into()],
            acr: AssuranceLevel::Aal1,
            login_expires_at: now + Duration::from_hours(1),
            created_at: now,
            last_seen_at: now,
            device: None,
        };
        let id = sealed.create(&session, now + Duration::from_hours(1));
        let id = id.await.unwrap();
        let cache = SessionCache::default();
        Self {
            records: CachedRecords::new(sealed, cache.clone()),
            cache,
            reads,
            id,
        }
    }

    async fn load(&self) -> Option<Arc<Session>> {
        self.records.load(&self.id).await.unwrap()
    }

    fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    fn key(&self) -> Id {
        EncryptedRecords::key(&self.id)
    }
}

#[tokio::test(start_paused = true)]
async fn current_cache_reads_session_once() {
    let fixture = Fixture::new().await;
    tokio::time::advance(Duration::from_millis(5)).await;
    fixture.load().await;
    fixture.load().await;
    assert_eq!(fixture.reads(), 2, "not current yet");
    fixture.cache.mark_current(Instant::now());
    for _ in 0..5 {
        assert_eq!(fixture.load().await.unwrap().username, "ada");
    }
    assert_eq!(fixture.reads(), 3);
}

#[tokio::test(start_paused = true)]
async fn cache_is_not_used_after_silence_disconnection_or_invalidation() {
    let fixture = Fixture::new().await;
    tokio::time::advance(Duration::from_millis(5)).await;
    fixture.cache.mark_current(Instant::now());
    fixture.load().await;
    fixture.cache.invalidate(fixture.key());
    fixture.load().await;
    assert_eq!(fixture.reads(), 2, "invalidated");

    tokio::time::advance(MAX_AGE).await;
    fixture.load().await;
    assert_eq!(fixture.reads(), 3, "not current any more");
    fixture.cache.mark_current(Instant::now());
    fixture.load().await;
    assert_eq!(fixture.reads(), 3, "still cached");

    fixture.cache.invalidate_all();
    fixture.load().await;
    fixture.cache.mark_current(Instant::now());
    fixture.load().await;
    assert_eq!(fixture.reads(), 5, "all were removed");
}

#[tokio::test(start_paused = true)]
async fn load_overtaken_by_invalidation_is_not_cached() {
    let fixture = Fixture::new().await;
    tokio::time::advance(Duration::from_millis(5)).await;
    fixture.cache.mark_current(Instant::now());
    let key = fixture.key();
    let session = fixture.load().await.unwrap();
    fixture.cache.invalidate(key);

    let generation = fixture.cache.begin_load(key).unwrap();
    fixture.cache.invalidate(key);
    fixture
        .cache
        .end_load(key, generation, Some(session.clone()));
    assert!(fixture.cache.find(&key).is_none());

    let generation = fixture.cache.begin_load(key).unwrap();
    fixture.cache.invalidate_all();
    fixture.cache.mark_current(Instant::now());
    fixture
        .cache
        .end_load(key, generation, Some(session.clone()));
    assert!(fixture.cache.find(&key).is_none());
    assert!(fixture.cache.loading().is_empty());
}

#[tokio::test(start_paused = true)]
async fn own_update_and_removal_are_visible_at_once() {
    let fixture = Fixture::new().await;
    tokio::time::advance(Duration::from_millis(5)).await;
    fixture.cache.mark_current(Instant::now());
    let mut session = Session::clone(&fixture.load().await.unwrap());
    session.username = "eve".into();
    let until = session.login_expires_at;
    fixture
        .records
        .update(&fixture.id, &session, until)
        .await
        .unwrap();
    assert_eq!(fixture.load().await.unwrap().username, "eve");
    fixture.records.remove(&fixture.id).await.unwrap();
    assert!(fixture.load().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn uncached_load_reads_the_store() {
    let fixture = Fixture::new().await;
    tokio::time::advance(Duration::from_millis(5)).await;
    fixture.cache.mark_current(Instant::now());
    let mut elsewhere = Session::clone(&fixture.load().await.unwrap());
    elsewhere.username = "changed elsewhere".to_owned();
    let (key, until) = (
        fixture.key(),
        elsewhere.created_at + Duration::from_hours(1),
    );
    let other = CachedRecords::new(fixture.records.records.clone(), SessionCache::default());
    other.update(&fixture.id, &elsewhere, until).await.unwrap();

    assert_eq!(
        fixture.load().await.unwrap().username,
        "ada",
        "not invalidated yet"
    );
    let newest = fixture.records.load_uncached(&fixture.id).await.unwrap();
    assert_eq!(newest.unwrap().username, "changed elsewhere");
    fixture.cache.invalidate(key);
    assert_eq!(fixture.load().await.unwrap().username, "changed elsewhere");
}
