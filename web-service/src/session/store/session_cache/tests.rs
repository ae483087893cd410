use std::sync::Arc;

use holdfast_core::clock::{Clock as _, ManualClock};
use holdfast_crypto::random::SystemRandom;
use tower_sessions::{session::Record, session_store};

use super::*;
use crate::session::store::memory::MemoryStore;

/// A store that counts how often it is read.
#[derive(Clone, Debug)]
struct Counting(Arc<MemoryStore>, Arc<AtomicU64>);

#[async_trait]
impl tower_sessions::SessionStore for Counting {
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

struct World {
    records: CachedRecords,
    opened: SessionCache,
    reads: Arc<AtomicU64>,
    id: SessionId,
}

impl World {
    async fn begin() -> Self {
        let clock = ManualClock::default();
        let now = clock.now();
        let reads = Arc::new(AtomicU64::new(0));
        let store = Counting(Arc::new(MemoryStore::new(Arc::new(clock))), reads.clone());
        let sealed = EncryptedRecords::new(Arc::new(store), Arc::new(SystemRandom));
        let session = Session {
            user_id: "u".into(),
            username: "ada".into(),
            sid: "s".into(),
            epoch: "e".into(),
            refresh_token: "r".to_owned().into(),
            authenticated_at: now,
            amr: vec!["pwd".into()],
            login_expires_at: now + Duration::from_hours(1),
            created_at: now,
            last_seen_at: now,
            device: None,
        };
        let id = sealed.create(&session, now + Duration::from_hours(1));
        let id = id.await.unwrap();
        let opened = SessionCache::default();
        Self {
            records: CachedRecords::new(sealed, opened.clone()),
            opened,
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
async fn while_changes_are_told_a_session_is_read_once() {
    let world = World::begin().await;
    tokio::time::advance(Duration::from_millis(5)).await;
    world.load().await;
    world.load().await;
    assert_eq!(world.reads(), 2, "nothing was heard yet");
    world.opened.heard(Instant::now());
    for _ in 0..5 {
        assert_eq!(world.load().await.unwrap().username, "ada");
    }
    assert_eq!(world.reads(), 3);
}

#[tokio::test(start_paused = true)]
async fn silence_a_lost_connection_and_a_change_drop_it() {
    let world = World::begin().await;
    tokio::time::advance(Duration::from_millis(5)).await;
    world.opened.heard(Instant::now());
    world.load().await;
    world.opened.forget(world.key());
    world.load().await;
    assert_eq!(world.reads(), 2, "it changed");

    tokio::time::advance(MAX_SILENCE).await;
    world.load().await;
    assert_eq!(world.reads(), 3, "nothing was heard for too long");
    world.opened.heard(Instant::now());
    world.load().await;
    assert_eq!(world.reads(), 3, "what was remembered still holds");

    world.opened.lost();
    world.load().await;
    world.opened.heard(Instant::now());
    world.load().await;
    assert_eq!(world.reads(), 5, "all of it was dropped");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_a_change_overtook_is_not_remembered() {
    let world = World::begin().await;
    tokio::time::advance(Duration::from_millis(5)).await;
    world.opened.heard(Instant::now());
    let key = world.key();
    let session = world.load().await.unwrap();
    world.opened.forget(key);

    let generation = world.opened.begin(key).unwrap();
    world.opened.forget(key);
    world.opened.end(key, generation, Some(session.clone()));
    assert!(world.opened.find(&key).is_none());

    let generation = world.opened.begin(key).unwrap();
    world.opened.lost();
    world.opened.heard(Instant::now());
    world.opened.end(key, generation, Some(session.clone()));
    assert!(world.opened.find(&key).is_none());
    assert!(world.opened.loading().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_ends_or_changes_here_is_felt_at_once() {
    let world = World::begin().await;
    tokio::time::advance(Duration::from_millis(5)).await;
    world.opened.heard(Instant::now());
    let mut session = Session::clone(&world.load().await.unwrap());
    session.username = "eve".into();
    let until = session.login_expires_at;
    world
        .records
        .update(&world.id, &session, until)
        .await
        .unwrap();
    assert_eq!(world.load().await.unwrap().username, "eve");
    world.records.remove(&world.id).await.unwrap();
    assert!(world.load().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_change_begins_from_what_the_store_has_and_not_from_what_is_remembered() {
    let world = World::begin().await;
    tokio::time::advance(Duration::from_millis(5)).await;
    world.opened.heard(Instant::now());
    let mut elsewhere = Session::clone(&world.load().await.unwrap());
    elsewhere.username = "changed elsewhere".to_owned();
    let (key, until) = (world.key(), elsewhere.created_at + Duration::from_hours(1));
    let other = CachedRecords::new(world.records.records.clone(), SessionCache::default());
    other.update(&world.id, &elsewhere, until).await.unwrap();

    assert_eq!(world.load().await.unwrap().username, "ada", "nobody told");
    let newest = world.records.newest(&world.id).await.unwrap();
    assert_eq!(newest.unwrap().username, "changed elsewhere");
    world.opened.forget(key);
    assert_eq!(world.load().await.unwrap().username, "changed elsewhere");
}
