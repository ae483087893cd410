//! Authentications within a login: [`LoginStore`](holdfast_identity::store::LoginStore).

use std::{sync::Arc, time::Duration};

use holdfast_identity::{
    account::AuthenticationVersion, audit::AuditKind, authentication::Factor, id::Sid,
    login::AuthenticationUpdate,
};

use crate::{
    fixture::{Fixture, LOGIN_TTL, NOW, TestRandom, event},
    race::{race, winners},
};

pub(super) async fn authentication_needs_live_login_and_current_password(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let ended = fixture.login(&ada).await;
    fixture.end(ended).await;
    let later = NOW + Duration::from_mins(1);
    let events = [event(AuditKind::Reauthenticated)];
    let update = async |sid: Sid, version: i64, now| {
        let update = AuthenticationUpdate {
            version: AuthenticationVersion(version),
            previous: None,
            factors: Factor::Password.into(),
            now,
        };
        let updated = fixture.store.update_authenticated_at(sid, &update, &events);
        updated.await.unwrap()
    };
    assert!(!update(sid, 2, later).await);
    assert!(!update(ended, 1, later).await);
    assert!(!update(Sid::random(&TestRandom), 1, later).await);
    assert!(!update(sid, 1, NOW + LOGIN_TTL).await);
    assert!(update(sid, 1, later).await);
    let (login, _) = fixture.store.login(sid).await.unwrap().unwrap();
    assert_eq!(login.authenticated_at, later);
    assert_eq!(fixture.count(AuditKind::Reauthenticated).await, 1);
}

pub(super) async fn authentication_follows_the_previous_one_once(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let now = NOW + Duration::from_mins(1);
    let update = AuthenticationUpdate {
        version: AuthenticationVersion(1),
        previous: Some(NOW),
        factors: Factor::Password.into(),
        now,
    };
    let events = [event(AuditKind::Reauthenticated)];
    for expected in [true, false] {
        let updated = fixture.store.update_authenticated_at(sid, &update, &events);
        assert_eq!(updated.await.unwrap(), expected);
    }
    assert_eq!(fixture.count(AuditKind::Reauthenticated).await, 1);
}

pub(super) async fn racing_authentications_after_one_have_one_winner(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let updated = race(|racer| {
        let store = Arc::clone(&fixture.store);
        let update = AuthenticationUpdate {
            version: AuthenticationVersion(1),
            previous: Some(NOW),
            factors: Factor::Password.into(),
            now: NOW + Duration::from_millis(1 + u64::try_from(racer).unwrap()),
        };
        let events = [event(AuditKind::Reauthenticated)];
        async move {
            let updated = store.update_authenticated_at(sid, &update, &events);
            updated.await.unwrap()
        }
    });
    assert_eq!(winners(&updated.await), 1);
    assert_eq!(fixture.count(AuditKind::Reauthenticated).await, 1);
}
