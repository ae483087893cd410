//! [`KeyStore`](holdfast_identity::store::KeyStore).

use std::{collections::HashSet, sync::Arc, time::Duration};

use holdfast_identity::{
    audit::AuditKind,
    key::{PublicKey, StoredSigningKey},
    revocation::Revoked,
};
use time::OffsetDateTime;

use crate::{
    fixture::{EPHEMERAL, Fixture, NOW, event, signing_key},
    race::{race, winners},
};

pub(super) async fn signing_keys_are_listed_in_the_order_of_signing(fixture: Fixture) {
    let later = signing_key("later", NOW + Duration::from_secs(1));
    let mut first = signing_key("first", NOW);
    first.public_key = PublicKey::P256 {
        x: [1; 32],
        y: [2; 32],
    };
    for key in [&later, &first] {
        let inserted = fixture.store.insert_signing_key(key, None, &[]).await;
        assert!(inserted.unwrap());
    }
    assert_eq!(fixture.store.signing_keys().await.unwrap(), [first, later]);
}

pub(super) async fn racing_insertions_of_signing_keys_have_one_winner(fixture: Fixture) {
    let current = signing_key("current", NOW);
    let inserted = fixture.store.insert_signing_key(&current, None, &[]).await;
    assert!(inserted.unwrap());
    let events = [event(AuditKind::KeyRotated)];
    let inserted = race(|racer| {
        let (store, events) = (Arc::clone(&fixture.store), events.clone());
        async move {
            let key = signing_key(&racer.to_string(), NOW + EPHEMERAL);
            let inserted = store.insert_signing_key(&key, Some(NOW), &events).await;
            inserted.unwrap()
        }
    })
    .await;
    assert_eq!(winners(&inserted), 1);
    assert_eq!(fixture.store.signing_keys().await.unwrap().len(), 2);
    assert_eq!(fixture.count(AuditKind::KeyRotated).await, 1);
}

pub(super) async fn signing_keys_of_several_algorithms_are_inserted_apart(fixture: Fixture) {
    let keys = [
        signing_key("ed25519", NOW + EPHEMERAL),
        StoredSigningKey {
            public_key: PublicKey::P256 {
                x: [1; 32],
                y: [2; 32],
            },
            ..signing_key("p256", NOW + EPHEMERAL)
        },
        rsa_key("rsa", 384, NOW + EPHEMERAL),
        rsa_key("smaller", 256, NOW + EPHEMERAL * 2),
    ];
    let latest = [None, None, None, Some(NOW + EPHEMERAL)];
    for (key, latest) in keys.iter().zip(latest) {
        let inserted = fixture.store.insert_signing_key(key, latest, &[]).await;
        assert!(inserted.unwrap(), "{}", key.kid);
    }
    assert_eq!(fixture.store.signing_keys().await.unwrap(), keys);
    let refused = rsa_key("late", 384, NOW + EPHEMERAL * 3);
    for latest in [None, Some(NOW + EPHEMERAL)] {
        let inserted = fixture.store.insert_signing_key(&refused, latest, &[]);
        assert!(!inserted.await.unwrap());
    }
    let (now, until) = (NOW, NOW + EPHEMERAL);
    let revoked = fixture
        .store
        .revoke_signing_key("smaller", now, until, &[])
        .await;
    assert!(revoked.unwrap());
    assert_eq!(fixture.store.signing_keys().await.unwrap(), keys[..3]);
}

/// An RSA key with a modulus of this many bytes.
fn rsa_key(kid: &str, length: usize, signs_from: OffsetDateTime) -> StoredSigningKey {
    StoredSigningKey {
        public_key: PublicKey::Rsa {
            n: vec![0xa5; length],
            e: [1, 0, 1],
        },
        ..signing_key(kid, signs_from)
    }
}

pub(super) async fn signing_key_is_revoked_once_with_entry(fixture: Fixture) {
    let key = signing_key("one", NOW);
    let inserted = fixture.store.insert_signing_key(&key, None, &[]).await;
    assert!(inserted.unwrap());
    let (until, events) = (NOW + EPHEMERAL, [event(AuditKind::KeyRevoked)]);
    for (kid, expected) in [("other", false), ("one", true), ("one", false)] {
        let revoked = fixture.store.revoke_signing_key(kid, NOW, until, &events);
        assert_eq!(revoked.await.unwrap(), expected);
    }
    assert!(fixture.store.signing_keys().await.unwrap().is_empty());
    let log = fixture.log().await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].revoked, Revoked::Key("one".to_owned()));
    assert_eq!(log[0].expires_at, until);
    assert_eq!(fixture.count(AuditKind::KeyRevoked).await, 1);
}

pub(super) async fn removed_signing_key_is_gone(fixture: Fixture) {
    let key = signing_key("one", NOW);
    fixture
        .store
        .insert_signing_key(&key, None, &[])
        .await
        .unwrap();
    for _ in 0..2 {
        fixture.store.remove_signing_key("one").await.unwrap();
        assert!(fixture.store.signing_keys().await.unwrap().is_empty());
    }
    assert!(fixture.log().await.is_empty());
}

pub(super) async fn racing_creations_of_a_secret_key_return_one_key(fixture: Fixture) {
    assert_eq!(fixture.store.any_secret_key().await.unwrap(), None);
    let keys = race(|racer| {
        let store = Arc::clone(&fixture.store);
        async move {
            let sealed = [u8::try_from(racer).unwrap(); 32];
            store.secret_key_or("nonces", &sealed, NOW).await.unwrap()
        }
    })
    .await;
    let distinct: HashSet<_> = keys.into_iter().collect();
    assert_eq!(distinct.len(), 1);
    let other = fixture.store.secret_key_or("other", &[9], NOW).await;
    assert_eq!(other.unwrap(), [9]);
    let (name, _) = fixture.store.any_secret_key().await.unwrap().unwrap();
    assert!(["nonces", "other"].contains(&&*name));
}
