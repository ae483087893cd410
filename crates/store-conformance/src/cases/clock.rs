//! [`ClockStore`](holdfast_identity::store::ClockStore).

use std::time::Duration;

use holdfast_core::steady_clock::Checkpoint;
use holdfast_identity::audit::{AuditEvent, AuditKind};

use crate::fixture::{Fixture, NOW, event};

pub(super) async fn checkpoint_of_a_store_without_one_is_its_latest_use(fixture: Fixture) {
    assert!(fixture.store.checkpoint().await.unwrap().is_none());
    let (_, sid) = fixture.signed_in().await;
    let used = NOW + Duration::from_secs(90);
    fixture.store.update_last_seen(sid, used).await.unwrap();
    let found = fixture.store.checkpoint().await.unwrap().unwrap();
    assert_eq!((found.steady, found.clock), (used, used));
    let later = AuditEvent {
        at: used + Duration::from_secs(90),
        ..event(AuditKind::SignedIn)
    };
    let at = later.at;
    fixture.store.append_events(&[later]).await.unwrap();
    let found = fixture.store.checkpoint().await.unwrap().unwrap();
    assert_eq!(found.steady, at);
}

pub(super) async fn greatest_checkpoint_is_kept_unless_the_clock_was_set_back(fixture: Fixture) {
    let minute = Duration::from_mins(1);
    let keep = async |steady, clock| {
        let checkpoint = Checkpoint {
            steady,
            clock,
            since_leap: minute,
        };
        fixture.store.keep_checkpoint(checkpoint).await.unwrap()
    };
    assert_eq!(keep(NOW, NOW).await, NOW);
    let ahead = NOW + minute;
    assert_eq!(keep(ahead, ahead).await, ahead);
    // Another process is behind.
    assert_eq!(keep(NOW, ahead).await, ahead);
    let found = fixture.store.checkpoint().await.unwrap().unwrap();
    assert_eq!((found.steady, found.clock), (ahead, ahead));
    assert_eq!(found.since_leap, minute);
    // The stored time was wrong: it is after what the clock shows now.
    assert_eq!(keep(NOW, NOW).await, NOW);
}
