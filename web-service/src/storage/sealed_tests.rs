use std::{
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use service_kit::{
    manual_clock::ManualClock,
    system::{Clock as _, SystemRandom},
};

use super::*;
use crate::storage::memory::MemoryStore;

fn session() -> Session {
    let now = ManualClock::default().now();
    Session {
        user_id: "67e55044-10b1-426f-9247-bb680e5fe0c8".into(),
        username: "ada".into(),
        sid: "s".into(),
        epoch: "e".into(),
        refresh_token: "hfr_secret".to_owned().into(),
        authenticated_at: now,
        amr: vec!["pwd".into()],
        login_expires_at: now + Duration::from_hours(1),
        created_at: now,
        last_seen_at: now,
        device: None,
    }
}

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(ManualClock::default())))
}

fn until() -> OffsetDateTime {
    ManualClock::default().now() + Duration::from_mins(1)
}

#[tokio::test]
async fn what_is_kept_comes_back_to_its_id_alone() {
    let records = SealedRecords::new(store(), Arc::new(SystemRandom));
    let id = records.create(&session(), until()).await.unwrap();
    assert_eq!(records.load(&id).await.unwrap().unwrap().username, "ada");
    let other = SessionId::random(&SystemRandom);
    assert!(records.load(&other).await.unwrap().is_none());
}

#[tokio::test]
async fn another_sessions_record_under_my_key_does_not_open_and_is_removed() {
    let store = store();
    let records = SealedRecords::new(store.clone(), Arc::new(SystemRandom));
    let mine = records.create(&session(), until()).await.unwrap();
    let theirs = records.create(&session(), until()).await.unwrap();
    let mut swapped = store
        .load(&SealedRecords::key(&theirs))
        .await
        .unwrap()
        .unwrap();
    swapped.id = SealedRecords::key(&mine);
    store.save(&swapped).await.unwrap();

    assert!(records.load(&mine).await.unwrap().is_none());

    assert_eq!(store.load(&SealedRecords::key(&mine)).await.unwrap(), None);
    assert!(records.load(&theirs).await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_that_was_removed_is_not_revived_by_an_update() {
    let records = SealedRecords::new(store(), Arc::new(SystemRandom));
    let id = records.create(&session(), until()).await.unwrap();
    records.remove(&id).await.unwrap();
    records.update(&id, &session(), until()).await.unwrap();
    assert!(records.load(&id).await.unwrap().is_none());
}

/// Gives the same bytes twice before it moves on.
struct Repeating(AtomicU8);

impl Random for Repeating {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed) / 2);
    }
}

#[tokio::test]
async fn a_collision_is_noticed_and_nobody_shares_an_id() {
    let store = store();
    let records = SealedRecords::new(store, Arc::new(Repeating(AtomicU8::new(0))));
    let first = records.create(&session(), until()).await.unwrap();
    let second = records.create(&session(), until()).await.unwrap();
    assert_ne!(first, second);
    assert!(records.load(&first).await.unwrap().is_some());
    assert!(records.load(&second).await.unwrap().is_some());
}
