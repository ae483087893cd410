//! [`ConsentStore`](holdfast_identity::store::ConsentStore).

use std::time::Duration;

use holdfast_identity::{
    account::Account,
    audit::AuditKind,
    id::{GrantId, Sid},
    login::{EndReason, Generation, NewGrant},
    oauth::{ClientId, OauthClient},
    revocation::Revoked,
};

use crate::fixture::{Fixture, NOW, TestRandom, event, new_grant, oauth_client, relying_party};

impl Fixture {
    /// Registers a relying party.
    async fn party(&self, id: &str) -> ClientId {
        let client = OauthClient {
            relying_party: Some(relying_party()),
            ..oauth_client(id)
        };
        assert!(self.store.insert_client(&client, &[]).await.unwrap());
        client.id
    }

    /// Begins a grant of the login with the consent to `scopes`, so many seconds after the start.
    async fn consent(&self, sid: Sid, client: &ClientId, scopes: &str, seconds: u64) -> GrantId {
        let grant = NewGrant {
            id: GrantId::random(&TestRandom),
            client: client.clone(),
            consented: Some(scopes.parse().unwrap()),
            created_at: NOW + Duration::from_secs(seconds),
            ..new_grant(sid)
        };
        assert!(self.store.insert_grant(&grant).await.unwrap());
        grant.id
    }

    async fn end_consent(&self, account: &Account, client: &ClientId) -> bool {
        let events = [event(AuditKind::ConsentEnded)];
        let (user, reason) = (account.user.id, EndReason::EndedElsewhere);
        let ended = self
            .store
            .end_consent(user, client, reason, NOW, &events)
            .await;
        ended.unwrap()
    }
}

pub(super) async fn consent_is_stored_with_its_grant(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let shop = fixture.party("shop").await;
    let stored = || async { fixture.store.consent(ada.user.id, &shop).await.unwrap() };
    assert_eq!(stored().await, None);
    fixture.consent(sid, &shop, "openid", 0).await;
    fixture.consent(sid, &shop, "openid profile", 7).await;
    let consent = stored().await.unwrap();
    assert_eq!(consent.client, shop);
    assert_eq!(consent.name, relying_party().name);
    assert_eq!(consent.scopes, "openid profile".parse().unwrap());
    assert_eq!(consent.granted_at, NOW);
    assert_eq!(consent.last_used_at, NOW + Duration::from_secs(7));
}

pub(super) async fn consent_of_a_refused_grant_is_not_stored(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let shop = fixture.party("shop").await;
    assert!(fixture.end(sid).await);
    let grant = NewGrant {
        id: GrantId::random(&TestRandom),
        client: shop.clone(),
        consented: Some("openid".parse().unwrap()),
        ..new_grant(sid)
    };
    assert!(!fixture.store.insert_grant(&grant).await.unwrap());
    let stored = fixture.store.consent(ada.user.id, &shop).await;
    assert_eq!(stored.unwrap(), None);
}

pub(super) async fn consents_are_listed_latest_used_first(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let (shop, desk) = (fixture.party("shop").await, fixture.party("desk").await);
    fixture.consent(sid, &shop, "openid", 0).await;
    fixture.consent(sid, &desk, "openid", 5).await;
    let listed = || async {
        let consents = fixture.store.consents_of(ada.user.id).await.unwrap();
        let ids = consents.into_iter().map(|consent| consent.client);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [desk.clone(), shop.clone()]);
    fixture.consent(sid, &shop, "openid", 9).await;
    assert_eq!(listed().await, [shop, desk]);
    let bob = fixture.account("bob").await;
    let of_bob = fixture.store.consents_of(bob.user.id).await.unwrap();
    assert!(of_bob.is_empty());
}

pub(super) async fn end_of_consent_ends_its_grants_in_every_login(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let other = fixture.login(&ada).await;
    let shop = fixture.party("shop").await;
    let first = fixture.consent(sid, &shop, "openid", 0).await;
    let second = fixture.consent(other, &shop, "openid", 1).await;

    assert!(fixture.end_consent(&ada, &shop).await);

    let stored = fixture.store.consent(ada.user.id, &shop).await;
    assert_eq!(stored.unwrap(), None);
    let mut revoked = fixture.revoked().await;
    revoked.retain(|one| [first, second].map(Revoked::Grant).contains(one));
    assert_eq!(revoked.len(), 2);
    for grant in [first, second] {
        assert!(!fixture.advance(grant, Generation::FIRST).await);
    }
    assert!(fixture.is_live(sid).await && fixture.is_live(other).await);
    assert!(!fixture.end_consent(&ada, &shop).await, "once");
    assert_eq!(fixture.count(AuditKind::ConsentEnded).await, 1);
}

pub(super) async fn end_of_consent_leaves_others(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let bob = fixture.account("bob").await;
    let of_bob = fixture.login(&bob).await;
    let (shop, desk) = (fixture.party("shop").await, fixture.party("desk").await);
    fixture.consent(sid, &shop, "openid", 0).await;
    let kept = [
        fixture.consent(sid, &desk, "openid", 0).await,
        fixture.consent(of_bob, &shop, "openid", 0).await,
        GrantId::first_of(sid),
    ];
    assert!(fixture.end_consent(&ada, &shop).await);
    for grant in kept {
        assert!(fixture.advance(grant, Generation::FIRST).await);
    }
    assert!(fixture.end_consent(&bob, &shop).await);
    assert!(fixture.end_consent(&ada, &desk).await);
}

pub(super) async fn consent_is_deleted_with_its_account(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let shop = fixture.party("shop").await;
    fixture.consent(sid, &shop, "openid", 0).await;
    let deleted = fixture.store.delete_user(ada.user.id, NOW, &[]).await;
    assert!(deleted.unwrap());
    let stored = fixture.store.consent(ada.user.id, &shop).await;
    assert_eq!(stored.unwrap(), None);
}
