//! [`GrantStore`](holdfast_identity::store::GrantStore).

use std::{sync::Arc, time::Duration};

use holdfast_identity::{
    audit::AuditKind,
    id::{GrantId, Sid},
    login::{EndReason, Generation, NewGrant, Rotation},
    oauth::{ClientId, KeyThumbprint},
    revocation::{REVOCATION_MARGIN, Revoked},
    store::Change,
};

use crate::{
    fixture::{
        EPHEMERAL, Fixture, NOW, TestRandom, advance, event, new_grant, oauth_client, program,
    },
    race::{race, rounds, winners},
};

const SECOND: Generation = Generation::FIRST.next();

async fn end_grant(fixture: &Fixture, id: GrantId) -> bool {
    let events = [event(AuditKind::GrantEnded)];
    let reason = EndReason::SignedOut;
    let ended = fixture.store.end_grant(id, reason, NOW, &events).await;
    ended.unwrap()
}

pub(super) async fn grant_begins_at_first_generation(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let sid = fixture.ticket(&ada).await;
    let key: KeyThumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        .parse()
        .unwrap();
    let new = NewGrant {
        audience: Some("https://a.example".to_owned()),
        key: Some(key.clone()),
        events: vec![event(AuditKind::Refreshed)],
        ..new_grant(sid)
    };
    assert!(fixture.store.insert_grant(&new).await.unwrap());
    let found = fixture.store.grant(new.id).await.unwrap();
    let (grant, login, user) = found.unwrap();
    assert_eq!((grant.sid, login.sid, user.id), (sid, sid, ada.user.id));
    assert_eq!(grant.generation, Generation::FIRST);
    assert_eq!(grant.client.as_str(), "first-party");
    assert_eq!(grant.scopes, new.scopes);
    assert_eq!(grant.audience, new.audience);
    assert_eq!(grant.key, Some(key));
    assert_eq!(grant.refreshed_at, NOW);
    assert_eq!(grant.refresh_user_agent.as_deref(), Some("program/1"));
    assert!(!grant.ended && !grant.client_rules.is_confidential && grant.is_first());
    assert_eq!(fixture.count(AuditKind::Refreshed).await, 1);
}

pub(super) async fn identifier_of_a_grant_is_used_once(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let other = fixture.ticket(&ada).await;
    let mut again = new_grant(sid);
    again.events = vec![event(AuditKind::Refreshed)];
    assert!(!fixture.store.insert_grant(&again).await.unwrap());
    again.sid = other;
    assert!(!fixture.store.insert_grant(&again).await.unwrap());
    assert_eq!(fixture.count(AuditKind::Refreshed).await, 0);
    let shop = fixture.grant_of_shop(sid).await;
    assert!(end_grant(&fixture, shop).await);
    let ended = NewGrant {
        id: shop,
        client: "shop".parse().unwrap(),
        ..new_grant(sid)
    };
    assert!(
        !fixture.store.insert_grant(&ended).await.unwrap(),
        "not after its end"
    );
}

pub(super) async fn client_has_several_grants_of_a_login(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let first = fixture.grant_of_shop(sid).await;
    let shop: ClientId = "shop".parse().unwrap();
    let second = NewGrant {
        id: GrantId::random(&TestRandom),
        client: shop.clone(),
        created_at: NOW + Duration::from_secs(1),
        ..new_grant(sid)
    };
    assert!(fixture.store.insert_grant(&second).await.unwrap());
    let grants = || async { fixture.store.grants_of_client(sid, &shop).await.unwrap() };
    assert_eq!(
        grants().await,
        [second.id, first],
        "the latest refreshed first"
    );
    assert!(end_grant(&fixture, second.id).await);
    assert_eq!(grants().await, [first]);
    assert!(fixture.advance(first, Generation::FIRST).await);
}

pub(super) async fn disabled_or_unknown_client_is_granted_nothing(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let client = oauth_client("shop");
    fixture.store.insert_client(&client, &[]).await.unwrap();
    let disabled = fixture.store.disable_client(&client.id, NOW, &[]).await;
    assert_eq!(disabled.unwrap(), Change::Applied);
    for client in ["shop", "unknown"] {
        let grant = NewGrant {
            id: GrantId::random(&TestRandom),
            client: client.parse().unwrap(),
            ..new_grant(sid)
        };
        assert!(!fixture.store.insert_grant(&grant).await.unwrap());
    }
}

pub(super) async fn first_grant_ends_with_its_login_only(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let first = GrantId::first_of(sid);
    assert!(!end_grant(&fixture, first).await);
    assert!(fixture.advance(first, Generation::FIRST).await);
}

pub(super) async fn racing_grants_with_one_identifier_have_one_winner(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let grant = new_grant(fixture.ticket(&ada).await);
    let inserted = race(|_| {
        let (store, grant) = (Arc::clone(&fixture.store), grant.clone());
        async move { store.insert_grant(&grant).await.unwrap() }
    })
    .await;
    assert_eq!(winners(&inserted), 1);
}

pub(super) async fn grant_needs_live_login(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let sid = fixture.ticket(&ada).await;
    fixture.end(sid).await;
    for sid in [sid, Sid::random(&TestRandom)] {
        let inserted = fixture.store.insert_grant(&new_grant(sid)).await;
        assert!(!inserted.unwrap());
    }
}

pub(super) async fn grant_advances_one_generation(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let (grant, later) = (GrantId::first_of(sid), NOW + Duration::from_secs(90));
    let mut client = program();
    client.user_agent = Some("program/2".to_owned());
    let rotation = Rotation {
        to: SECOND,
        client: &client,
        tokens_until: later + EPHEMERAL,
    };
    let from = (grant, Generation::FIRST);
    let events = [event(AuditKind::Refreshed)];
    let advanced = fixture.store.advance(from, &rotation, later, &events);
    assert!(advanced.await.unwrap());
    let (grant, login, _) = fixture.store.grant(grant).await.unwrap().unwrap();
    assert_eq!((grant.generation, grant.refreshed_at), (SECOND, later));
    assert_eq!(grant.refresh_user_agent, client.user_agent);
    assert_eq!(login.last_seen_at, later);
    assert_eq!(fixture.count(AuditKind::Refreshed).await, 1);
}

pub(super) async fn grant_at_another_generation_does_not_advance(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let grant = GrantId::first_of(sid);
    for generation in [Generation(0), SECOND] {
        assert!(!fixture.advance(grant, generation).await);
    }
    assert!(fixture.advance(grant, Generation::FIRST).await);
    assert!(!fixture.advance(grant, Generation::FIRST).await);
    assert_eq!(fixture.generation(grant).await, SECOND);
    assert_eq!(fixture.count(AuditKind::Refreshed).await, 1);
}

pub(super) async fn grant_advances_over_lost_generations(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let (id, client) = (GrantId::first_of(sid), program());
    let rotation = Rotation {
        to: Generation(7),
        client: &client,
        tokens_until: NOW + EPHEMERAL,
    };
    let from = (id, Generation::FIRST);
    for expected in [true, false] {
        let advanced = fixture.store.advance(from, &rotation, NOW, &[]).await;
        assert_eq!(advanced.unwrap(), expected);
    }
    assert_eq!(fixture.generation(id).await, Generation(7));
}

pub(super) async fn racing_advances_have_one_winner(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let grant = GrantId::first_of(sid);
    for round in 1..=rounds(3) {
        let from = Generation(i64::try_from(round).unwrap());
        let advanced = race(|_| {
            let store = Arc::clone(&fixture.store);
            async move { advance(&*store, grant, from).await }
        })
        .await;
        assert_eq!(winners(&advanced), 1);
        assert_eq!(fixture.generation(grant).await, from.next());
        assert_eq!(fixture.count(AuditKind::Refreshed).await, round);
    }
}

pub(super) async fn ended_grant_does_not_advance(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let grant = fixture.grant_of_shop(sid).await;
    assert!(end_grant(&fixture, grant).await);
    assert!(!fixture.advance(grant, Generation::FIRST).await);
    assert!(
        fixture
            .advance(GrantId::first_of(sid), Generation::FIRST)
            .await
    );
}

pub(super) async fn grant_of_an_ended_login_does_not_advance(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let grant = fixture.grant_of_shop(sid).await;
    fixture.end(sid).await;
    for grant in [grant, GrantId::first_of(sid)] {
        assert!(!fixture.advance(grant, Generation::FIRST).await);
    }
    assert_eq!(fixture.count(AuditKind::Refreshed).await, 0);
}

pub(super) async fn grant_ends_alone_and_once(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let grant = fixture.grant_of_shop(sid).await;
    assert!(end_grant(&fixture, grant).await);
    assert!(!end_grant(&fixture, grant).await);
    assert!(!end_grant(&fixture, GrantId::random(&TestRandom)).await);
    assert!(fixture.is_live(sid).await);
    let (ended, ..) = fixture.store.grant(grant).await.unwrap().unwrap();
    assert!(ended.ended);
    let log = fixture.log().await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].revoked, Revoked::Grant(grant));
    assert_eq!(log[0].expires_at, NOW + EPHEMERAL + REVOCATION_MARGIN);
    assert_eq!(fixture.count(AuditKind::GrantEnded).await, 1);
}

pub(super) async fn grant_of_an_ended_login_does_not_end_again(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let grant = fixture.grant_of_shop(sid).await;
    fixture.end(sid).await;
    assert!(!end_grant(&fixture, grant).await);
    assert_eq!(fixture.revoked().await, [Revoked::Login(sid)]);
}

pub(super) async fn end_of_login_wins_over_racing_advances(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    for _round in 0..rounds(5) {
        let sid = fixture.login(&ada).await;
        let grant = GrantId::first_of(sid);
        let store = Arc::clone(&fixture.store);
        let end = async move {
            let ended = store.end_login(sid, EndReason::SignedOut, NOW, &[]).await;
            assert!(ended.unwrap());
        };
        let advances = race(|racer| {
            let store = Arc::clone(&fixture.store);
            let from = Generation(1 + i64::try_from(racer).unwrap() % 3);
            async move { advance(&*store, grant, from).await }
        });
        tokio::join!(end, advances);
        let generation = fixture.generation(grant).await;
        assert!(!fixture.advance(grant, generation).await);
        assert_eq!(fixture.generation(grant).await, generation);
    }
}

/// The entry of an ended login is kept until the tokens of every refresh that was made have expired.
pub(super) async fn end_of_login_covers_the_tokens_of_a_racing_advance(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let (client, until) = (program(), NOW + EPHEMERAL * 2);
    let rotation = Rotation {
        to: SECOND,
        client: &client,
        tokens_until: until,
    };
    for _round in 0..rounds(30) {
        let sid = fixture.login(&ada).await;
        let from = (GrantId::first_of(sid), Generation::FIRST);
        let (ended, advanced) = tokio::join!(
            fixture.store.end_login(sid, EndReason::SignedOut, NOW, &[]),
            fixture.store.advance(from, &rotation, NOW, &[]),
        );
        assert!(ended.unwrap());
        let log = fixture.log().await;
        let entry = log
            .iter()
            .find(|entry| entry.revoked == Revoked::Login(sid));
        let latest = if advanced.unwrap() {
            until
        } else {
            NOW + EPHEMERAL
        };
        assert_eq!(entry.unwrap().expires_at, latest + REVOCATION_MARGIN);
    }
}

pub(super) async fn grants_are_listed_with_their_login(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let other = fixture.ticket(&ada).await;
    let shop = fixture.grant_of_shop(sid).await;
    let ids = async || {
        let listed = fixture.store.logins_of(ada.user.id, NOW).await.unwrap();
        let login = listed.iter().find(|login| login.sid == sid).unwrap();
        let without = listed.iter().find(|login| login.sid == other).unwrap();
        assert!(without.grants.is_empty());
        let mut ids: Vec<_> = login.grants.iter().map(|grant| grant.id).collect();
        ids.sort();
        ids
    };
    let mut both = [GrantId::first_of(sid), shop];
    both.sort();
    assert_eq!(ids().await, both);
    end_grant(&fixture, shop).await;
    assert_eq!(ids().await, [GrantId::first_of(sid)]);
}

/// After a leap of the clock, or with another setting, an earlier token may expire last.
pub(super) async fn time_of_last_token_does_not_decrease(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let (grant, client) = (GrantId::first_of(sid), program());
    let latest = NOW + EPHEMERAL * 4;
    for (generation, until) in [(1, latest), (2, NOW)] {
        let rotation = Rotation {
            to: Generation(generation).next(),
            client: &client,
            tokens_until: until,
        };
        let from = (grant, Generation(generation));
        let advanced = fixture.store.advance(from, &rotation, NOW, &[]).await;
        assert!(advanced.unwrap());
    }
    fixture.end(sid).await;
    let log = fixture.log().await;
    assert_eq!(log[0].expires_at, latest + REVOCATION_MARGIN);
}
