use std::{
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use holdfast_client::Reauthenticated;
use holdfast_core::{
    assurance_level::AssuranceLevel,
    clock::{Clock as _, ManualClock},
};
use holdfast_crypto::random::SystemRandom;
use secrecy::ExposeSecret as _;

use super::*;
use crate::session::store::memory::MemoryStore;

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
        acr: AssuranceLevel::Aal1,
        login_expires_at: now + Duration::from_hours(1),
        created_at: now,
        last_seen_at: now,
        device: None,
    }
}

fn at(authenticated_at: OffsetDateTime) -> Reauthenticated {
    Reauthenticated {
        authenticated_at,
        amr: vec!["pwd".into(), "otp".into()],
        acr: Some("aal2".into()),
    }
}

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(ManualClock::default())))
}

fn until() -> OffsetDateTime {
    ManualClock::default().now() + Duration::from_mins(1)
}

#[tokio::test]
async fn record_is_loaded_by_its_id_only() {
    let records = EncryptedRecords::new(store(), Arc::new(SystemRandom));
    let id = records.create(&session(), until()).await.unwrap();
    assert_eq!(records.load(&id).await.unwrap().unwrap().username, "ada");
    let other = SessionId::random(&SystemRandom);
    assert!(records.load(&other).await.unwrap().is_none());
}

/// A store whose clock is a day ahead.
struct DayAhead;

#[async_trait]
impl ExpiryClock for DayAhead {
    async fn ahead(&self) -> session_store::Result<time::Duration> {
        Ok(time::Duration::DAY)
    }
}

#[tokio::test]
async fn expiry_is_by_the_clock_of_the_store() {
    let store = store();
    let records = EncryptedRecords::new(store.clone(), Arc::new(SystemRandom));
    let records = records.dated_by(Arc::new(DayAhead));
    let id = records.create(&session(), until()).await.unwrap();
    for _ in 0..2 {
        let stored = store
            .load(&EncryptedRecords::key(&id))
            .await
            .unwrap()
            .unwrap();
        let ahead = stored.expiry_date - until();
        assert!(
            (0..=1).contains(&(ahead - time::Duration::DAY).whole_seconds()),
            "{ahead}"
        );
        assert!(records.load(&id).await.unwrap().is_some());
        records.update(&id, &session(), until()).await.unwrap();
    }
}

#[tokio::test]
async fn record_moved_to_another_key_is_removed() {
    let store = store();
    let records = EncryptedRecords::new(store.clone(), Arc::new(SystemRandom));
    let mine = records.create(&session(), until()).await.unwrap();
    let theirs = records.create(&session(), until()).await.unwrap();
    let mut swapped = store
        .load(&EncryptedRecords::key(&theirs))
        .await
        .unwrap()
        .unwrap();
    swapped.id = EncryptedRecords::key(&mine);
    store.save(&swapped).await.unwrap();

    assert!(records.load(&mine).await.unwrap().is_none());

    assert_eq!(
        store.load(&EncryptedRecords::key(&mine)).await.unwrap(),
        None
    );
    assert!(records.load(&theirs).await.unwrap().is_some());
}

#[tokio::test]
async fn update_does_not_create_removed_session() {
    let records = EncryptedRecords::new(store(), Arc::new(SystemRandom));
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
async fn id_collision_creates_another_id() {
    let store = store();
    let records = EncryptedRecords::new(store, Arc::new(Repeating(AtomicU8::new(0))));
    let first = records.create(&session(), until()).await.unwrap();
    let second = records.create(&session(), until()).await.unwrap();
    assert_ne!(first, second);
    assert!(records.load(&first).await.unwrap().is_some());
    assert!(records.load(&second).await.unwrap().is_some());
}

fn successor(refresh_token: &str) -> Successor {
    Successor {
        id: SessionId::random(&SystemRandom),
        refresh_token: refresh_token.to_owned().into(),
    }
}

#[tokio::test]
async fn first_successor_stays() {
    let records = EncryptedRecords::new(store(), Arc::new(SystemRandom));
    let old = SessionId::random(&SystemRandom);
    assert!(records.successor(&old).await.unwrap().is_none());
    let (first, second) = (successor("first"), successor("second"));
    let leave = async |new| records.insert_successor(&old, new, until()).await.unwrap();
    assert!(leave(&first).await);
    assert!(!leave(&second).await);
    let found = records.successor(&old).await.unwrap().unwrap();
    assert_eq!(found.id, first.id);
    assert_eq!(found.refresh_token.expose_secret(), "first");
    assert!(records.load(&old).await.unwrap().is_none(), "no session");
}

#[tokio::test]
async fn unreadable_successor_is_removed() {
    let store = store();
    let records = EncryptedRecords::new(store.clone(), Arc::new(SystemRandom));
    let id = records.create(&session(), until()).await.unwrap();
    let place = key(Kind::Successor, &id);
    let mut moved = store
        .load(&EncryptedRecords::key(&id))
        .await
        .unwrap()
        .unwrap();
    moved.id = place;
    store.create(&mut moved).await.unwrap();
    assert!(records.successor(&id).await.unwrap().is_none());
    assert_eq!(store.load(&place).await.unwrap(), None);
    assert!(records.load(&id).await.unwrap().is_some());
}

mod rotation {
    use super::*;
    use crate::session::{browser_session::Lifetimes, sessions::Sessions};

    /// An instance that shares its store with others.
    fn instance(store: &Arc<MemoryStore>) -> (Sessions, EncryptedRecords) {
        let records = EncryptedRecords::new(store.clone(), Arc::new(SystemRandom));
        let lifetimes = Lifetimes {
            idle: Duration::from_mins(30),
            absolute: Duration::from_hours(12),
        };
        let clock = Arc::new(ManualClock::default());
        let sessions = Sessions::new(Arc::new(records.clone()), clock, lifetimes);
        (sessions, records)
    }

    #[tokio::test]
    async fn concurrent_renewals_share_one_id() {
        let store = store();
        let ((one, records), (two, _)) = (instance(&store), instance(&store));
        let old = records.create(&session(), until()).await.unwrap();
        let (earlier, later) = (
            session().authenticated_at,
            session().authenticated_at + Duration::from_secs(1),
        );

        let (first, first_session) = one
            .renew((&old, &session().sid), &at(earlier))
            .await
            .unwrap()
            .unwrap();
        // The other one had found the session before it was replaced.
        let (second, second_session) = two
            .renew((&old, &session().sid), &at(later))
            .await
            .unwrap()
            .unwrap();

        assert_eq!(first, second);
        assert_eq!(first_session.authenticated_at, earlier);
        assert_eq!(second_session.authenticated_at, later);
        assert_eq!(second_session.acr, AssuranceLevel::Aal2);
        let stored = records.load(&second).await.unwrap().unwrap();
        assert_eq!(stored.acr, AssuranceLevel::Aal2);
        assert_eq!(stored.amr, ["pwd", "otp"]);
        assert_eq!(store.len(), 2, "the session, and where the old id leads");
        assert!(records.load(&old).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn concurrent_renewals_replace_once() {
        let store = store();
        let (one, records) = instance(&store);
        let old = records.create(&session(), until()).await.unwrap();
        let latest = at(session().authenticated_at);
        // The first left its mark and was interrupted before it removed the old record.
        let new = records.create(&session(), until()).await.unwrap();
        let refresh_token = session().refresh_token;
        assert!(one.replace(&old, &new, &refresh_token).await.unwrap());

        let (id, _) = one
            .renew((&old, &session().sid), &latest)
            .await
            .unwrap()
            .unwrap();

        assert_eq!(id, new);
        assert_eq!(store.len(), 2);
        assert!(records.load(&old).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn renewal_does_not_join_session_of_another_login() {
        let store = store();
        let (sessions, records) = instance(&store);
        let old = records.create(&session(), until()).await.unwrap();
        let latest = at(session().authenticated_at);
        let refresh_token = session().refresh_token;
        // A new password ended the login, and its owner goes on in another one.
        let after = Session {
            sid: "another".to_owned(),
            ..session()
        };
        let new = records.create(&after, until()).await.unwrap();
        assert!(sessions.replace(&old, &new, &refresh_token).await.unwrap());
        for _ in 0..2 {
            let renewed = sessions
                .renew((&old, &session().sid), &latest)
                .await
                .unwrap();
            assert!(renewed.is_none());
        }
        assert!(records.load(&new).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn ended_session_is_not_renewed() {
        let store = store();
        let (sessions, records) = instance(&store);
        let old = records.create(&session(), until()).await.unwrap();
        let latest = at(session().authenticated_at);
        sessions.end(&old).await.unwrap();
        assert!(
            sessions
                .renew((&old, &session().sid), &latest)
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(store.len(), 0);
    }
}
