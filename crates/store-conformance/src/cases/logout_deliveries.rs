//! [`LogoutDeliveryStore`](holdfast_identity::store::LogoutDeliveryStore).

use std::{sync::Arc, time::Duration};

use holdfast_identity::{
    account::{Account, PasswordHash},
    id::{GrantId, Sid},
    key::Algorithm,
    login::{EndReason, NewGrant},
    oauth::{ClientId, LogoutDelivery, OauthClient, RelyingParty},
};

use crate::{
    fixture::{Fixture, LOGIN_TTL, NOW, TestRandom, new_grant, oauth_client, relying_party},
    race::{RACERS, race, winners},
};

const SECOND: Duration = Duration::from_secs(1);

impl Fixture {
    async fn register(&self, id: &str, party: RelyingParty) -> ClientId {
        let client = OauthClient {
            relying_party: Some(party),
            ..oauth_client(id)
        };
        assert!(self.store.insert_client(&client, &[]).await.unwrap());
        client.id
    }

    /// Registers a relying party that receives the ends of its sessions.
    async fn receiver(&self, id: &str) -> ClientId {
        self.register(id, relying_party()).await
    }

    /// Begins a grant of the login with this scope and a consent to it.
    async fn session(&self, sid: Sid, client: &ClientId, scopes: &str) -> GrantId {
        let grant = NewGrant {
            id: GrantId::random(&TestRandom),
            client: client.clone(),
            scopes: scopes.parse().unwrap(),
            consented: Some(scopes.parse().unwrap()),
            ..new_grant(sid)
        };
        assert!(self.store.insert_grant(&grant).await.unwrap());
        grant.id
    }

    async fn end_grant(&self, id: GrantId, reason: EndReason) -> bool {
        let ended = self.store.end_grant(id, reason, NOW, &[]).await;
        ended.unwrap()
    }

    async fn deliveries(&self, client: &ClientId) -> Vec<LogoutDelivery> {
        let found = self.store.logout_deliveries(client, 1000).await;
        found.unwrap()
    }

    /// The logins whose sessions of this relying party ended, in the order of their identifiers.
    async fn ended_sessions(&self, client: &ClientId) -> Vec<Sid> {
        let found = self.deliveries(client).await.into_iter();
        let mut sids: Vec<_> = found.map(|delivery| delivery.sid).collect();
        sids.sort_by_key(ToString::to_string);
        sids
    }
}

fn delivery(account: &Account, sid: Sid) -> LogoutDelivery {
    LogoutDelivery {
        sid,
        user: account.user.id,
        ended_at: NOW,
        attempts: 0,
        due_at: NOW,
    }
}

pub(super) async fn end_of_login_is_stored_for_each_receiver_once(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let (shop, desk) = (
        fixture.receiver("shop").await,
        fixture.receiver("desk").await,
    );
    fixture.session(sid, &shop, "openid").await;
    fixture.session(sid, &shop, "profile openid").await;
    fixture.session(sid, &desk, "openid profile").await;
    assert!(fixture.store.logout_receivers().await.unwrap().is_empty());
    assert_eq!(fixture.store.oldest_logout().await.unwrap(), None);

    assert!(fixture.end(sid).await);
    assert!(!fixture.end(sid).await);

    for client in [&shop, &desk] {
        assert_eq!(fixture.deliveries(client).await, [delivery(&ada, sid)]);
    }
    let receivers = fixture.store.logout_receivers().await.unwrap();
    let ids: Vec<_> = receivers.iter().map(|one| one.client.clone()).collect();
    assert_eq!(ids, [desk, shop]);
    assert_eq!(
        Some(&receivers[0].uri),
        relying_party().backchannel_logout_uri.as_ref()
    );
    assert_eq!(receivers[0].algorithm, Algorithm::Es256);
    assert_eq!(fixture.store.oldest_logout().await.unwrap(), Some(NOW));
}

pub(super) async fn end_without_a_session_is_not_stored(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let shop = fixture.receiver("shop").await;
    let silent = RelyingParty {
        backchannel_logout_uri: None,
        ..relying_party()
    };
    let silent = fixture.register("silent", silent).await;
    // No ID token was issued with these.
    fixture.session(sid, &shop, "orders:read").await;
    fixture.session(sid, &shop, "not:openid openid:not").await;
    fixture.session(sid, &silent, "openid").await;
    let other = fixture.login(&ada).await;
    fixture.session(other, &shop, "openid").await;

    assert!(fixture.end(sid).await);

    assert_eq!(fixture.ended_sessions(&shop).await, []);
    assert_eq!(fixture.ended_sessions(&silent).await, []);
    assert!(fixture.store.logout_receivers().await.unwrap().is_empty());
}

pub(super) async fn every_way_to_end_logins_stores_the_ends(fixture: Fixture) {
    let store = &fixture.store;
    let shop = fixture.receiver("shop").await;
    let reason = EndReason::Administrator;
    let mut expected = Vec::new();
    for way in 0..6 {
        let account = fixture.account(&format!("user{way}")).await;
        let user = account.user.id;
        let sid = fixture.login(&account).await;
        fixture.session(sid, &shop, "openid").await;
        expected.push(sid);
        match way {
            0 => drop(store.disable_user(user, NOW, &[]).await.unwrap()),
            1 => assert!(store.delete_user(user, NOW, &[]).await.unwrap()),
            2 => {
                let hash = PasswordHash::from_phc("second".to_owned());
                let version = account.authentication_version;
                let replaced = store.replace_password(user, version, &hash, None, NOW, &[]);
                assert!(replaced.await.unwrap().is_some());
            }
            3 => {
                let ended = store.end_logins_of(user, None, reason, NOW, &[]).await;
                assert_eq!(ended.unwrap(), 1);
            }
            4 => {
                let ended = store.end_login_of(user, sid, reason, NOW, &[]).await;
                assert!(ended.unwrap());
            }
            _ => {
                let ended = store.end_every_login(reason, NOW, &[]).await;
                assert_eq!(ended.unwrap(), 1);
            }
        }
        expected.sort_by_key(ToString::to_string);
        assert_eq!(fixture.ended_sessions(&shop).await, expected, "{way}");
    }
}

pub(super) async fn end_outlives_login_and_account(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let shop = fixture.receiver("shop").await;
    fixture.session(sid, &shop, "openid").await;
    let deleted = fixture.store.delete_user(ada.user.id, NOW, &[]).await;
    assert!(deleted.unwrap());
    let later = NOW + LOGIN_TTL + Duration::from_hours(1000);
    fixture.store.purge(later).await.unwrap();
    assert_eq!(fixture.deliveries(&shop).await, [delivery(&ada, sid)]);
}

pub(super) async fn end_of_last_grant_ends_the_session(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let (shop, desk) = (
        fixture.receiver("shop").await,
        fixture.receiver("desk").await,
    );
    let first = fixture.session(sid, &shop, "openid").await;
    let second = fixture.session(sid, &shop, "openid").await;
    // Neither another relying party nor a grant without an ID token continues the session.
    fixture.session(sid, &desk, "openid").await;
    fixture.session(sid, &shop, "orders:read").await;

    assert!(fixture.end_grant(first, EndReason::SignedOut).await);
    assert_eq!(fixture.ended_sessions(&shop).await, []);
    assert!(fixture.end_grant(second, EndReason::SignedOut).await);
    assert_eq!(fixture.deliveries(&shop).await, [delivery(&ada, sid)]);
    assert_eq!(fixture.ended_sessions(&desk).await, []);

    let end = fixture.deliveries(&shop).await.remove(0);
    fixture.store.remove_logout(&shop, &end).await.unwrap();
    assert!(fixture.end(sid).await);
    assert_eq!(fixture.ended_sessions(&shop).await, [], "it ended before");
    assert_eq!(fixture.ended_sessions(&desk).await, [sid]);
}

pub(super) async fn end_of_another_grant_ends_the_session_by_its_reason(fixture: Fixture) {
    let (ada, _) = fixture.signed_in().await;
    let shop = fixture.receiver("shop").await;
    let mut expected = Vec::new();
    for reason in [
        EndReason::SignedOut,
        EndReason::TooMany,
        EndReason::Reused,
        EndReason::EndedElsewhere,
        EndReason::Restored,
    ] {
        let sid = fixture.login(&ada).await;
        let ended = fixture.session(sid, &shop, "openid").await;
        fixture.session(sid, &shop, "openid").await;
        assert!(fixture.end_grant(ended, reason).await);
        if reason.ends_session() {
            expected.push(sid);
        }
    }
    expected.sort_by_key(ToString::to_string);
    assert_eq!(fixture.ended_sessions(&shop).await, expected);
    assert_eq!(expected.len(), 3);
}

pub(super) async fn racing_ends_of_grants_store_one_end(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let shop = fixture.receiver("shop").await;
    let mut grants = Vec::new();
    for _ in 0..RACERS {
        grants.push(fixture.session(sid, &shop, "openid").await);
    }
    let ended = race(|racer| {
        let (store, grant) = (Arc::clone(&fixture.store), grants[racer]);
        let reason = EndReason::SignedOut;
        async move { store.end_grant(grant, reason, NOW, &[]).await.unwrap() }
    })
    .await;
    assert_eq!(winners(&ended), RACERS);
    assert_eq!(fixture.deliveries(&shop).await, [delivery(&ada, sid)]);
}

pub(super) async fn end_of_consent_stores_one_end_in_each_login(fixture: Fixture) {
    let (ada, one) = fixture.signed_in().await;
    let two = fixture.login(&ada).await;
    let bob = fixture.account("bob").await;
    let of_bob = fixture.login(&bob).await;
    let (shop, desk) = (
        fixture.receiver("shop").await,
        fixture.receiver("desk").await,
    );
    for sid in [one, one, two, of_bob] {
        fixture.session(sid, &shop, "openid").await;
    }
    fixture.session(one, &desk, "openid").await;

    let reason = EndReason::EndedElsewhere;
    let ended = fixture
        .store
        .end_consent(ada.user.id, &shop, reason, NOW, &[]);
    assert!(ended.await.unwrap());

    let mut expected = [one, two];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(fixture.ended_sessions(&shop).await, expected);
    assert_eq!(fixture.ended_sessions(&desk).await, []);
}

pub(super) async fn disabling_a_client_stores_no_end_and_keeps_earlier_ones(fixture: Fixture) {
    let (ada, ended) = fixture.signed_in().await;
    let live = fixture.login(&ada).await;
    let shop = fixture.receiver("shop").await;
    for sid in [ended, live] {
        fixture.session(sid, &shop, "openid").await;
    }
    assert!(fixture.end(ended).await);
    fixture.store.disable_client(&shop, NOW, &[]).await.unwrap();
    assert!(fixture.end(live).await);
    assert_eq!(fixture.ended_sessions(&shop).await, [ended]);
    assert_eq!(fixture.store.logout_receivers().await.unwrap().len(), 1);
}

pub(super) async fn refused_end_stores_nothing(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let shop = fixture.receiver("shop").await;
    fixture.session(sid, &shop, "openid").await;
    let store = &fixture.store;
    let reason = EndReason::EndedElsewhere;
    assert!(!fixture.end_grant(GrantId::first_of(sid), reason).await);
    let bob = fixture.account("bob").await;
    let ended = store.end_login_of(bob.user.id, sid, reason, NOW, &[]).await;
    assert!(!ended.unwrap());
    let kept = store.end_logins_of(ada.user.id, Some(sid), reason, NOW, &[]);
    assert_eq!(kept.await.unwrap(), 0);
    assert_eq!(fixture.ended_sessions(&shop).await, []);
}

pub(super) async fn deferred_end_is_due_later_and_counted(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let shop = fixture.receiver("shop").await;
    fixture.session(sid, &shop, "openid").await;
    assert!(fixture.end(sid).await);
    let end = fixture.deliveries(&shop).await.remove(0);
    assert!(end.is_due(NOW - SECOND), "the first attempt is always due");
    for attempts in 1..=2 {
        let due_at = NOW + SECOND * attempts;
        let deferred = fixture.store.defer_logout(&shop, &end, due_at).await;
        deferred.unwrap();
        let expected = LogoutDelivery {
            attempts,
            due_at,
            ..delivery(&ada, sid)
        };
        assert!(!expected.is_due(NOW));
        assert_eq!(fixture.deliveries(&shop).await, [expected]);
    }
}

pub(super) async fn removed_end_is_not_listed(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let (shop, desk) = (
        fixture.receiver("shop").await,
        fixture.receiver("desk").await,
    );
    let other = fixture.login(&ada).await;
    for sid in [sid, other] {
        fixture.session(sid, &shop, "openid").await;
        fixture.session(sid, &desk, "openid").await;
        assert!(fixture.end(sid).await);
    }
    let store = &fixture.store;
    let end = delivery(&ada, sid);
    store.remove_logout(&shop, &end).await.unwrap();
    store.remove_logout(&shop, &end).await.unwrap();
    let later = LogoutDelivery {
        ended_at: NOW + SECOND,
        ..delivery(&ada, other)
    };
    store.remove_logout(&shop, &later).await.unwrap();
    assert_eq!(fixture.ended_sessions(&shop).await, [other]);
    assert_eq!(fixture.ended_sessions(&desk).await.len(), 2);
    store
        .remove_logout(&shop, &delivery(&ada, other))
        .await
        .unwrap();
    let receivers = store.logout_receivers().await.unwrap();
    assert_eq!(receivers.len(), 1);
    assert_eq!(receivers[0].client, desk);
}

pub(super) async fn ends_are_listed_by_due_time_up_to_the_limit(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let shop = fixture.receiver("shop").await;
    let mut sids = Vec::new();
    for seconds in 0..3 {
        let sid = fixture.login(&ada).await;
        fixture.session(sid, &shop, "openid").await;
        let (reason, at) = (EndReason::SignedOut, NOW + SECOND * seconds);
        assert!(fixture.store.end_login(sid, reason, at, &[]).await.unwrap());
        sids.push(sid);
    }
    let first = fixture.deliveries(&shop).await.remove(0);
    let deferred = fixture.store.defer_logout(&shop, &first, NOW + SECOND * 9);
    deferred.await.unwrap();
    let listed = fixture.deliveries(&shop).await.into_iter();
    let listed: Vec<_> = listed.map(|end| end.sid).collect();
    assert_eq!(listed, [sids[1], sids[2], sids[0]]);
    let page = fixture.store.logout_deliveries(&shop, 2).await.unwrap();
    assert_eq!(page.len(), 2);
    assert_eq!(fixture.store.oldest_logout().await.unwrap(), Some(NOW));
}

pub(super) async fn ends_up_to_a_time_are_removed_together(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let (shop, desk) = (
        fixture.receiver("shop").await,
        fixture.receiver("desk").await,
    );
    for seconds in 0..3 {
        let sid = fixture.login(&ada).await;
        fixture.session(sid, &shop, "openid").await;
        fixture.session(sid, &desk, "openid").await;
        let (reason, at) = (EndReason::SignedOut, NOW + SECOND * seconds);
        assert!(fixture.store.end_login(sid, reason, at, &[]).await.unwrap());
    }
    let until = NOW + SECOND;
    for removed in [2, 0] {
        let found = fixture.store.remove_logouts_until(&shop, until).await;
        assert_eq!(found.unwrap(), removed);
    }
    let kept = fixture.deliveries(&shop).await;
    assert_eq!((kept.len(), kept[0].ended_at), (1, until + SECOND));
    assert_eq!(fixture.deliveries(&desk).await.len(), 3);
}
