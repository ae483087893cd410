//! [`AuditLog`](holdfast_identity::store::AuditLog).

use std::time::Duration;

use holdfast_identity::{
    audit::{AuditEvent, AuditKind, AuditQuery, RequestSource},
    id::{Sid, UserId},
};

use crate::fixture::{Fixture, NOW, TestRandom, event};

pub(super) async fn events_are_stored_whole(fixture: Fixture) {
    let whole = AuditEvent {
        user: Some(UserId::random(&TestRandom)),
        sid: Some(Sid::random(&TestRandom)),
        client: "shop".parse().ok(),
        actor: Some(UserId::random(&TestRandom)),
        source: RequestSource {
            ip_address: "2001:db8::1".parse().ok(),
            user_agent: Some("Firefox „42“".to_owned()),
            request_id: Some("cafe".to_owned()),
            trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        },
        ..event(AuditKind::UserDisabled)
    };
    let empty = event(AuditKind::KeyRotated);
    let events = [whole.clone(), empty.clone()];
    fixture.store.append_events(&events).await.unwrap();
    let stored = fixture.events(AuditKind::UserDisabled).await;
    assert_eq!(stored[0].event, whole);
    let stored = fixture.events(AuditKind::KeyRotated).await;
    assert_eq!(stored[0].event, empty);
}

pub(super) async fn events_are_listed_by_filter_and_page(fixture: Fixture) {
    let (ada, bob) = (UserId::random(&TestRandom), UserId::random(&TestRandom));
    for (user, kind) in [
        (ada, AuditKind::SignedIn),
        (bob, AuditKind::SignedIn),
        (ada, AuditKind::Refreshed),
        (ada, AuditKind::SignedIn),
    ] {
        let event = AuditEvent {
            user: Some(user),
            ..event(kind)
        };
        fixture.store.append_events(&[event]).await.unwrap();
    }
    let query = AuditQuery {
        user: Some(ada),
        limit: 10,
        ..AuditQuery::default()
    };
    let all = fixture.store.events(&query).await.unwrap();
    let kinds: Vec<_> = all.iter().map(|record| record.event.kind).collect();
    let newest_first = [
        AuditKind::SignedIn,
        AuditKind::Refreshed,
        AuditKind::SignedIn,
    ];
    assert_eq!(kinds, newest_first);
    let page = AuditQuery {
        kind: Some(AuditKind::SignedIn),
        before: Some(all[0].id),
        limit: 1,
        ..query
    };
    let page = fixture.store.events(&page).await.unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(page[0].id, all[2].id);
}

pub(super) async fn security_events_of_an_account_are_listed_newest_first(fixture: Fixture) {
    let (ada, bob) = (UserId::random(&TestRandom), UserId::random(&TestRandom));
    let later = NOW + Duration::from_secs(1);
    for (user, kind, at) in [
        (ada, AuditKind::PasskeyAdded, NOW),
        (ada, AuditKind::RecoveryCodeUsed, NOW),
        (ada, AuditKind::RecoveryCodeUsed, later),
        (ada, AuditKind::PasswordChanged, later),
        (ada, AuditKind::SignedIn, later),
        (bob, AuditKind::FactorsReset, later),
        (ada, AuditKind::RecoveryCodeUsed, later),
    ] {
        let event = AuditEvent {
            user: Some(user),
            at,
            ..event(kind)
        };
        fixture.store.append_events(&[event]).await.unwrap();
    }
    let kinds = async |user, since, per_kind| {
        let found = fixture.store.security_events(user, since, per_kind).await;
        let found = found.unwrap().into_iter();
        found.map(|record| record.event.kind).collect::<Vec<_>>()
    };
    let (used, changed) = (AuditKind::RecoveryCodeUsed, AuditKind::PasswordChanged);
    let added = AuditKind::PasskeyAdded;
    assert_eq!(kinds(ada, NOW, 9).await, [used, changed, used, used, added]);
    assert_eq!(kinds(ada, NOW, 2).await, [used, changed, used, added]);
    assert_eq!(kinds(ada, NOW, 1).await, [used, changed, added]);
    assert_eq!(kinds(ada, later, 9).await, [used, changed, used]);
    assert_eq!(kinds(bob, NOW, 9).await, [AuditKind::FactorsReset]);
}

pub(super) async fn events_before_a_time_are_purged(fixture: Fixture) {
    let old = event(AuditKind::SignedIn);
    let new = AuditEvent {
        at: NOW + Duration::from_secs(1),
        ..old.clone()
    };
    let events = [old, new.clone()];
    fixture.store.append_events(&events).await.unwrap();
    fixture.store.purge_events(new.at).await.unwrap();
    let left = fixture.events(AuditKind::SignedIn).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].event, new);
}

/// A handle that opens the store at any moment sees a change and its event, or neither.
pub(super) async fn event_of_a_change_is_stored_with_it(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let other = fixture.subject.open().await;
    let query = AuditQuery {
        kind: Some(AuditKind::LoginEnded),
        limit: 1,
        ..AuditQuery::default()
    };
    let end = fixture.end(sid);
    let observe = async {
        loop {
            // The event is read second: it must be there once the end is seen.
            let (login, _) = other.login(sid).await.unwrap().unwrap();
            let events = other.events(&query).await.unwrap();
            if login.ended {
                assert_eq!(events.len(), 1, "an end without its event");
                return;
            }
        }
    };
    let (ended, ()) = tokio::join!(end, observe);
    assert!(ended);
    assert!(!fixture.end(sid).await);
    assert_eq!(fixture.count(AuditKind::LoginEnded).await, 1);
}
