//! [`PasskeyStore`](holdfast_identity::store::PasskeyStore).

use std::{sync::Arc, time::Duration};

use holdfast_identity::{
    account::{Account, AuthenticationVersion, CredentialChange, CredentialKind, NewCredential},
    audit::AuditKind,
    authentication::{NewPasskey, VerifiedPasskey},
    id::CredentialId,
};

use crate::{
    fixture::{Fixture, NOW, TestRandom, event},
    race::{race, winners},
};

const FIRST: AuthenticationVersion = AuthenticationVersion(1);

fn passkey(credential_id: u8) -> NewCredential {
    NewCredential {
        id: CredentialId::random(&TestRandom),
        kind: CredentialKind::Passkey,
        label: "phone".to_owned(),
        data: b"public key".to_vec(),
        used_step: None,
        passkey: Some(NewPasskey {
            credential_id: vec![credential_id; 32],
            public_key: b"public key".to_vec(),
            sign_count: 7,
            user_verified: true,
            discoverable: Some(true),
            backup_eligible: true,
            backed_up: false,
            transports: vec!["hybrid".to_owned(), "internal".to_owned()],
            aaguid: [3; 16],
            attestation_object: b"object".to_vec(),
        }),
    }
}

async fn add(fixture: &Fixture, account: &Account, added: &[NewCredential]) -> bool {
    let change = CredentialChange {
        user: account.user.id,
        from: FIRST,
        by: None,
        removed: &[],
        added,
        ends: None,
        now: NOW,
    };
    let changed = fixture.store.change_credentials(&change, &[]).await;
    changed.unwrap().is_some()
}

pub(super) async fn passkey_is_stored_whole_and_found_by_its_credential_id(fixture: Fixture) {
    let (ada, bob) = (fixture.account("ada").await, fixture.account("bob").await);
    let (one, mut two) = (passkey(1), passkey(2));
    if let Some(passkey) = &mut two.passkey {
        passkey.user_verified = false;
        passkey.discoverable = None;
    }
    assert!(add(&fixture, &ada, &[one.clone(), two.clone()]).await);
    let store = &fixture.store;
    let found = store.passkey(&[1; 32]).await.unwrap().unwrap();
    assert_eq!((found.id, found.user), (one.id, ada.user.id));
    assert_eq!(found.credential_id, [1; 32]);
    assert_eq!(found.public_key, b"public key");
    assert_eq!(found.sign_count, 7);
    assert!(found.user_verified && found.backup_eligible && !found.backed_up);
    assert_eq!(found.transports, ["hybrid", "internal"]);
    assert_eq!(store.passkey(&[3; 32]).await.unwrap(), None);
    assert_eq!(store.passkey(&[]).await.unwrap(), None);
    let all = store.passkeys(ada.user.id).await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.contains(&found));
    let mut flags: Vec<_> = all
        .iter()
        .map(|passkey| (passkey.user_verified, passkey.discoverable))
        .collect();
    flags.sort_unstable();
    assert_eq!(flags, [(false, None), (true, Some(true))]);
    let (ids, hidden) = ([two.id], passkey(3));
    let hidden = NewCredential {
        passkey: hidden.passkey.clone().map(|passkey| NewPasskey {
            discoverable: Some(false),
            ..passkey
        }),
        ..hidden
    };
    let change = CredentialChange {
        user: ada.user.id,
        from: FIRST.next(),
        by: None,
        removed: &ids,
        added: &[hidden],
        ends: None,
        now: NOW,
    };
    let changed = store.change_credentials(&change, &[]).await;
    assert!(changed.unwrap().is_some());
    let found = store.passkey(&[3; 32]).await.unwrap().unwrap();
    assert!(found.discoverable == Some(false) && !found.signs_in_alone());
    assert_eq!(store.passkey(&[2; 32]).await.unwrap(), None);
    assert!(store.passkeys(bob.user.id).await.unwrap().is_empty());
    let account = store.account(ada.user.id).await.unwrap().unwrap();
    assert!(account.credentials.contains(CredentialKind::Passkey));
}

pub(super) async fn credential_id_of_a_passkey_is_taken_once(fixture: Fixture) {
    let (ada, bob) = (fixture.account("ada").await, fixture.account("bob").await);
    assert!(add(&fixture, &ada, &[passkey(1)]).await);
    assert!(!add(&fixture, &bob, &[passkey(2), passkey(1)]).await);
    let account = fixture.store.account(bob.user.id).await.unwrap().unwrap();
    assert_eq!(account.authentication_version, FIRST, "nothing is written");
    assert!(!account.credentials.contains(CredentialKind::Passkey));
    // With its owner it is gone.
    let deleted = fixture.store.delete_user(ada.user.id, NOW, &[]).await;
    assert!(deleted.unwrap());
    assert_eq!(fixture.store.passkey(&[1; 32]).await.unwrap(), None);
    assert!(add(&fixture, &bob, &[passkey(1)]).await);
}

pub(super) async fn use_of_a_passkey_follows_the_counter_that_was_read(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    assert!(add(&fixture, &ada, &[passkey(1)]).await);
    let store = &fixture.store;
    let read = store.passkey(&[1; 32]).await.unwrap().unwrap();
    let verified = VerifiedPasskey {
        sign_count: 8,
        is_counter_stale: false,
        backed_up: true,
    };
    let later = NOW + Duration::from_mins(1);
    let events = [event(AuditKind::PasskeyBackupChanged)];
    for expected in [true, false] {
        let used = store.use_passkey(&read, verified, later, &events).await;
        assert_eq!(used.unwrap(), expected);
    }
    let read = store.passkey(&[1; 32]).await.unwrap().unwrap();
    assert_eq!((read.sign_count, read.backed_up), (8, true));
    let records = store.credentials(ada.user.id).await.unwrap();
    let used = records.iter().filter(|one| one.last_used_at == Some(later));
    assert_eq!(used.count(), 1);
    assert_eq!(fixture.count(AuditKind::PasskeyBackupChanged).await, 1);
    let account = store.account(ada.user.id).await.unwrap().unwrap();
    assert_eq!(account.authentication_version, FIRST.next());
}

pub(super) async fn racing_uses_of_a_passkey_have_one_winner(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    assert!(add(&fixture, &ada, &[passkey(1)]).await);
    let read = fixture.store.passkey(&[1; 32]).await.unwrap().unwrap();
    let used = race(|_| {
        let (store, read) = (Arc::clone(&fixture.store), read.clone());
        async move {
            let verified = VerifiedPasskey {
                sign_count: 8,
                is_counter_stale: false,
                backed_up: false,
            };
            store.use_passkey(&read, verified, NOW, &[]).await.unwrap()
        }
    });
    assert_eq!(winners(&used.await), 1);
}

pub(super) async fn credential_of_its_owner_is_renamed(fixture: Fixture) {
    let (ada, bob) = (fixture.account("ada").await, fixture.account("bob").await);
    let one = passkey(1);
    assert!(add(&fixture, &ada, std::slice::from_ref(&one)).await);
    let events = [event(AuditKind::PasskeyRenamed)];
    for (user, expected) in [(bob.user.id, false), (ada.user.id, true)] {
        let renamed = fixture
            .store
            .rename_credential(user, one.id, "key", &events);
        assert_eq!(renamed.await.unwrap(), expected);
    }
    let records = fixture.store.credentials(ada.user.id).await.unwrap();
    assert!(records.iter().any(|record| record.label == "key"));
    assert_eq!(fixture.count(AuditKind::PasskeyRenamed).await, 1);
}
