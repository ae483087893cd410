//! [`LoginStore`](holdfast_identity::store::LoginStore).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use holdfast_identity::{
    account::{AuthenticationVersion, PasswordHash},
    audit::AuditKind,
    id::{GrantId, Sid, UserId},
    login::{ClientInfo, ClientKind, EndReason, MAX_LIVE_LOGINS, NewGrant, NewLogin},
    revocation::{REVOCATION_MARGIN, Revoked},
};

use crate::{
    fixture::{
        EPHEMERAL, Fixture, LOGIN_TTL, NOW, TestRandom, event, new_account, new_grant, new_login,
    },
    race::{race, rounds, winners},
};

pub(super) async fn login_starts_with_its_event(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let login = new_login(&ada);
    let started = fixture.store.insert_login(&login).await.unwrap();
    assert!(started.unwrap().is_empty());
    let (stored, user) = fixture.store.login(login.sid).await.unwrap().unwrap();
    assert_eq!((stored.sid, user), (login.sid, ada.user));
    assert_eq!(stored.kind, ClientKind::Api);
    assert_eq!(
        (
            stored.authenticated_at,
            stored.last_seen_at,
            stored.expires_at
        ),
        (NOW, NOW, NOW + LOGIN_TTL)
    );
    assert!(!stored.ended);
    assert_eq!(fixture.count(AuditKind::SignedIn).await, 1);
}

pub(super) async fn login_needs_enabled_account_and_current_password(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let unknown = new_account("eve");
    let disabled = fixture.account("bob").await;
    let id = disabled.user.id;
    fixture.store.disable_user(id, NOW, &[]).await.unwrap();
    let mut old = ada.clone();
    old.authentication_version = AuthenticationVersion(0);
    for account in [&unknown, &disabled, &old] {
        let started = fixture.store.insert_login(&new_login(account)).await;
        assert_eq!(started.unwrap(), None);
    }
    assert_eq!(fixture.count(AuditKind::SignedIn).await, 0);
}

pub(super) async fn identifier_of_a_login_is_used_once(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let bob = fixture.account("bob").await;
    let login = new_login(&ada);
    let second = NewLogin {
        sid: login.sid,
        ..new_login(&bob)
    };
    assert!(fixture.store.insert_login(&login).await.unwrap().is_some());
    for again in [&login, &second] {
        assert_eq!(fixture.store.insert_login(again).await.unwrap(), None);
    }
    let (_, user) = fixture.store.login(login.sid).await.unwrap().unwrap();
    assert_eq!(user.id, ada.user.id);
    assert_eq!(fixture.count(AuditKind::SignedIn).await, 1);
}

pub(super) async fn racing_logins_with_one_identifier_have_one_winner(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let login = new_login(&ada);
    let started = race(|_| {
        let (store, login) = (Arc::clone(&fixture.store), login.clone());
        async move { store.insert_login(&login).await.unwrap().is_some() }
    })
    .await;
    assert_eq!(winners(&started), 1);
    assert_eq!(fixture.count(AuditKind::SignedIn).await, 1);
}

pub(super) async fn login_beyond_hundred_ends_the_oldest(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let oldest = fixture.login(&ada).await;
    for second in 1..u64::from(MAX_LIVE_LOGINS) {
        let at = NOW + Duration::from_secs(second);
        let login = NewLogin {
            created_at: at,
            ..new_login(&ada)
        };
        let ended = fixture.store.insert_login(&login).await.unwrap();
        assert!(ended.unwrap().is_empty());
    }
    let login = NewLogin {
        created_at: NOW + Duration::from_secs(1000),
        ..new_login(&ada)
    };
    let ended = fixture.store.insert_login(&login).await.unwrap();
    assert_eq!(ended, Some(vec![oldest]));
    assert_eq!(fixture.revoked().await, [Revoked::Login(oldest)]);
    let events = fixture.events(AuditKind::SurplusEnded).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event.sid, Some(oldest));
}

pub(super) async fn live_logins_are_listed_latest_used_first(fixture: Fixture) {
    let (ada, first) = fixture.signed_in().await;
    let second = fixture.login(&ada).await;
    let ended = fixture.login(&ada).await;
    fixture.end(ended).await;
    let short = NewLogin {
        expires_at: NOW,
        ..new_login(&ada)
    };
    fixture.store.insert_login(&short).await.unwrap();
    let later = NOW + Duration::from_mins(1);
    fixture.store.update_last_seen(first, later).await.unwrap();
    let listed = fixture.store.logins_of(ada.user.id, NOW).await.unwrap();
    let sids: Vec<_> = listed.iter().map(|login| login.sid).collect();
    assert_eq!(sids, [first, second]);
    assert_eq!(listed[0].last_seen_at, later);
    assert_eq!(listed[0].client.user_agent.as_deref(), Some("program/1"));
    assert_eq!(listed[0].factors.to_string(), "pwd");
}

pub(super) async fn last_use_of_an_ended_login_stays(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    fixture.end(sid).await;
    let later = NOW + Duration::from_mins(1);
    fixture.store.update_last_seen(sid, later).await.unwrap();
    let (login, _) = fixture.store.login(sid).await.unwrap().unwrap();
    assert_eq!(login.last_seen_at, NOW);
}

pub(super) async fn ended_login_is_not_bound(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let events = [event(AuditKind::DeviceBound)];
    assert!(fixture.store.set_bound_at(sid, NOW, &events).await.unwrap());
    let listed = fixture.store.logins_of(ada.user.id, NOW).await.unwrap();
    assert_eq!(listed[0].bound_at, Some(NOW));
    fixture.end(sid).await;
    let bound = fixture.store.set_bound_at(sid, NOW, &events).await;
    assert!(!bound.unwrap());
    assert_eq!(fixture.count(AuditKind::DeviceBound).await, 1);
}

pub(super) async fn racing_ends_of_login_have_one_winner(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let ended = race(|_| {
        let store = Arc::clone(&fixture.store);
        let events = [event(AuditKind::LoginEnded)];
        async move {
            let ended = store.end_login(sid, EndReason::SignedOut, NOW, &events);
            ended.await.unwrap()
        }
    });
    assert_eq!(winners(&ended.await), 1);
    assert_eq!(fixture.revoked().await, [Revoked::Login(sid)]);
    assert_eq!(fixture.count(AuditKind::LoginEnded).await, 1);
}

pub(super) async fn list_leaves_out_grants_of_ended_logins(fixture: Fixture) {
    let (ada, kept) = fixture.signed_in().await;
    let shop = fixture.grant_of_shop(kept).await;
    for _ in 0..10 {
        let ended = fixture.login(&ada).await;
        fixture.end(ended).await;
    }
    let listed = fixture.store.logins_of(ada.user.id, NOW).await.unwrap();
    assert_eq!(listed.len(), 1);
    let grants: BTreeSet<_> = listed[0]
        .grants
        .iter()
        .map(|grant| grant.id.to_string())
        .collect();
    let expected = [GrantId::first_of(kept).to_string(), shop.to_string()];
    assert_eq!(grants, BTreeSet::from(expected));
}

pub(super) async fn login_ends_once(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    assert!(fixture.end(sid).await);
    assert!(!fixture.end(sid).await);
    assert!(!fixture.end(Sid::random(&TestRandom)).await);
    assert_eq!(fixture.revoked().await, [Revoked::Login(sid)]);
    assert_eq!(fixture.count(AuditKind::LoginEnded).await, 1);
}

pub(super) async fn login_without_grant_ends_without_entry(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let sid = fixture.ticket(&ada).await;
    assert!(fixture.end(sid).await);
    assert!(!fixture.is_live(sid).await);
    assert!(fixture.revoked().await.is_empty());
}

pub(super) async fn login_of_another_account_is_not_ended(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let bob = fixture.account("bob").await;
    let events = [event(AuditKind::LoginEnded)];
    for (user, expected) in [(bob.user.id, false), (ada.user.id, true)] {
        let reason = EndReason::EndedElsewhere;
        let ended = fixture
            .store
            .end_login_of(user, sid, reason, NOW, &events)
            .await;
        assert_eq!(ended.unwrap(), expected);
    }
    assert_eq!(fixture.count(AuditKind::LoginEnded).await, 1);
}

pub(super) async fn all_logins_but_one_end(fixture: Fixture) {
    let (ada, kept) = fixture.signed_in().await;
    let others = [fixture.login(&ada).await, fixture.login(&ada).await];
    let events = [event(AuditKind::OtherLoginsEnded)];
    let reason = EndReason::EndedElsewhere;
    for expected in [2, 0] {
        let ended = fixture
            .store
            .end_logins_of(ada.user.id, Some(kept), reason, NOW, &events);
        assert_eq!(ended.await.unwrap(), expected);
    }
    assert!(fixture.is_live(kept).await);
    for other in others {
        assert!(!fixture.is_live(other).await);
    }
    assert_eq!(fixture.revoked().await.len(), 2);
    assert_eq!(fixture.count(AuditKind::OtherLoginsEnded).await, 1);
}

pub(super) async fn every_login_ends(fixture: Fixture) {
    let (_, one) = fixture.signed_in().await;
    let bob = fixture.account("bob").await;
    let two = fixture.login(&bob).await;
    let events = [event(AuditKind::AllLoginsEnded)];
    for expected in [2, 0] {
        let reason = EndReason::Operator;
        let ended = fixture.store.end_every_login(reason, NOW, &events).await;
        assert_eq!(ended.unwrap(), expected);
    }
    assert!(!fixture.is_live(one).await && !fixture.is_live(two).await);
    assert_eq!(fixture.revoked().await.len(), 2);
    assert_eq!(fixture.count(AuditKind::AllLoginsEnded).await, 2);
}

/// The cookie of a browser lives without the row, up to the expiry of its login; of a program only access tokens do.
pub(super) async fn entry_outlives_what_it_affects(fixture: Fixture) {
    let (ada, program) = fixture.signed_in().await;
    let shop = fixture.grant_of_shop(program).await;
    let later = NOW + Duration::from_hours(1);
    let rotation = holdfast_identity::login::Rotation {
        to: holdfast_identity::login::Generation::FIRST.next(),
        client: &crate::fixture::program(),
        tokens_until: later + EPHEMERAL,
    };
    let from = (shop, holdfast_identity::login::Generation::FIRST);
    let advanced = fixture.store.advance(from, &rotation, later, &[]).await;
    assert!(advanced.unwrap());
    let browser = NewLogin {
        client: ClientInfo {
            kind: ClientKind::Browser,
            ..crate::fixture::program()
        },
        ..new_login(&ada)
    };
    fixture.store.insert_login(&browser).await.unwrap();
    let grant = NewGrant {
        tokens_until: None,
        ..new_grant(browser.sid)
    };
    assert!(fixture.store.insert_grant(&grant).await.unwrap());
    fixture.end(program).await;
    fixture.end(browser.sid).await;
    let expiries: Vec<_> = fixture
        .log()
        .await
        .iter()
        .map(|entry| entry.expires_at)
        .collect();
    let last_token = later + EPHEMERAL + REVOCATION_MARGIN;
    assert_eq!(expiries, [last_token, NOW + LOGIN_TTL + REVOCATION_MARGIN]);
}

pub(super) async fn disabling_races_with_sign_in(fixture: Fixture) {
    for round in 0..rounds(5) {
        let ada = fixture.account(&format!("ada{round}")).await;
        let id = ada.user.id;
        let store = Arc::clone(&fixture.store);
        let disabling = async move { store.disable_user(id, NOW, &[]).await.unwrap() };
        let sign_ins = race(|_| {
            let (store, login) = (Arc::clone(&fixture.store), new_login(&ada));
            async move { store.insert_login(&login).await.unwrap().is_some() }
        });
        tokio::join!(disabling, sign_ins);
        let live = fixture.store.logins_of(id, NOW).await.unwrap();
        assert!(live.is_empty(), "{} logins live", live.len());
    }
}

pub(super) async fn password_change_races_with_sign_in(fixture: Fixture) {
    for round in 0..rounds(5) {
        let ada = fixture.account(&format!("ada{round}")).await;
        let id = ada.user.id;
        let store = Arc::clone(&fixture.store);
        let change = async move {
            let (from, to) = (
                AuthenticationVersion(1),
                PasswordHash::from_phc("second".to_owned()),
            );
            let replaced = store.replace_password(id, from, &to, None, NOW, &[]);
            assert!(replaced.await.unwrap().is_some());
        };
        let sign_ins = race(|_| {
            let (store, login) = (Arc::clone(&fixture.store), new_login(&ada));
            async move { store.insert_login(&login).await.unwrap().is_some() }
        });
        tokio::join!(change, sign_ins);
        let live = fixture.store.logins_of(id, NOW).await.unwrap();
        assert!(live.is_empty(), "{} logins live", live.len());
    }
}

pub(super) async fn expired_logins_are_purged(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let long = NewLogin {
        expires_at: NOW + LOGIN_TTL * 3,
        ..new_login(&ada)
    };
    fixture.store.insert_login(&long).await.unwrap();
    fixture.store.purge(NOW + LOGIN_TTL * 2).await.unwrap();
    assert!(fixture.store.login(sid).await.unwrap().is_none());
    let grant = holdfast_identity::id::GrantId::first_of(sid);
    assert!(fixture.store.grant(grant).await.unwrap().is_none());
    assert!(fixture.store.login(long.sid).await.unwrap().is_some());
    let unknown = UserId::random(&TestRandom);
    assert!(
        fixture
            .store
            .logins_of(unknown, NOW)
            .await
            .unwrap()
            .is_empty()
    );
}
