//! [`CredentialStore`](holdfast_identity::store::CredentialStore).

use std::sync::Arc;

use holdfast_identity::{
    account::{
        Account, AuthenticationVersion, CredentialChange, CredentialKind, CredentialKinds,
        NewCredential, PasswordHash,
    },
    audit::AuditKind,
    authentication::KeyedHash,
    id::{CredentialId, Sid, UserId},
    login::EndReason,
    revocation::Revoked,
    store::Change,
};

use crate::{
    fixture::{Fixture, LOGIN_TTL, NOW, TestRandom, event, new_login},
    race::{race, winners},
};

const FIRST: AuthenticationVersion = AuthenticationVersion(1);

fn totp() -> NewCredential {
    NewCredential {
        id: CredentialId::random(&TestRandom),
        kind: CredentialKind::Totp,
        label: String::new(),
        data: b"sealed".to_vec(),
        used_step: Some(7),
        passkey: None,
    }
}

fn recovery_code(hash: u8) -> NewCredential {
    NewCredential {
        id: CredentialId::random(&TestRandom),
        kind: CredentialKind::RecoveryCode,
        label: String::new(),
        data: vec![hash; 16],
        used_step: None,
        passkey: None,
    }
}

fn change(user: UserId, from: AuthenticationVersion) -> CredentialChange<'static> {
    CredentialChange {
        user,
        from,
        by: None,
        removed: &[],
        added: &[],
        ends: None,
        now: NOW,
    }
}

/// Adds a credential to an account that has none besides its password.
async fn add(fixture: &Fixture, account: &Account, added: &[NewCredential]) {
    let change = CredentialChange {
        added,
        ..change(account.user.id, FIRST)
    };
    let changed = fixture.store.change_credentials(&change, &[]).await;
    assert_eq!(changed.unwrap(), Some(FIRST.next()));
}

async fn kinds(fixture: &Fixture, account: &Account) -> CredentialKinds {
    let found = fixture.store.account(account.user.id).await.unwrap();
    found.unwrap().credentials
}

pub(super) async fn credentials_are_added_and_removed_as_a_whole(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let bob = fixture.account("bob").await;
    let (totp, code) = (totp(), recovery_code(1));
    let added = CredentialChange {
        added: &[totp.clone(), code.clone()],
        ..change(ada.user.id, FIRST)
    };
    let events = [event(AuditKind::TotpAdded)];
    let changed = fixture.store.change_credentials(&added, &events).await;
    assert_eq!(changed.unwrap(), Some(FIRST.next()));
    assert!(fixture.is_live(sid).await, "no login ends");
    let all = "password totp recovery_code".parse().unwrap();
    assert_eq!(kinds(&fixture, &ada).await, all);
    assert!(!kinds(&fixture, &bob).await.has_second_factor());
    let stored = fixture.store.totp(ada.user.id).await.unwrap().unwrap();
    assert_eq!((stored.id, stored.used_step), (totp.id, Some(7)));
    assert_eq!(stored.sealed_secret, b"sealed");
    assert_eq!(fixture.store.totp(bob.user.id).await.unwrap(), None);

    let removed = CredentialChange {
        removed: &[totp.id],
        ..change(ada.user.id, FIRST.next())
    };
    let changed = fixture.store.change_credentials(&removed, &[]).await;
    assert_eq!(changed.unwrap(), Some(AuthenticationVersion(3)));
    let records = fixture.store.credentials(ada.user.id).await.unwrap();
    let mut left: Vec<_> = records.iter().map(|record| record.kind.as_str()).collect();
    left.sort_unstable();
    assert_eq!(left, ["password", "recovery_code"]);
    assert_eq!(fixture.count(AuditKind::TotpAdded).await, 1);
}

pub(super) async fn password_is_removed_and_added_again(fixture: Fixture) {
    let (ada, own) = fixture.signed_in().await;
    let (other, id) = (fixture.login(&ada).await, ada.user.id);
    let password = CredentialId::password_of(id);
    let removed = CredentialChange {
        by: Some(own),
        removed: &[password],
        ends: Some(EndReason::FactorsChanged),
        ..change(id, FIRST)
    };
    let events = [event(AuditKind::PasswordRemoved)];
    let changed = fixture.store.change_credentials(&removed, &events).await;
    assert_eq!(changed.unwrap(), Some(FIRST.next()));
    assert!(fixture.is_live(own).await && !fixture.is_live(other).await);
    assert_eq!(fixture.count(AuditKind::PasswordRemoved).await, 1);
    let account = fixture.store.account(id).await.unwrap().unwrap();
    assert!(account.is_passwordless() && account.password_hash.is_none());
    assert_eq!(account.user.password_changed_at, None);
    assert!(fixture.store.credentials(id).await.unwrap().is_empty());

    let added = CredentialChange {
        added: &[NewCredential {
            id: password,
            kind: CredentialKind::Password,
            data: b"$hash".to_vec(),
            used_step: None,
            ..totp()
        }],
        ..change(id, FIRST.next())
    };
    let changed = fixture.store.change_credentials(&added, &[]).await;
    assert_eq!(changed.unwrap(), Some(AuthenticationVersion(3)));
    assert!(fixture.is_live(own).await, "no login ends");
    let account = fixture.store.account(id).await.unwrap().unwrap();
    let hash = account.password_hash.map(|hash| hash.as_phc().to_owned());
    assert_eq!(hash.as_deref(), Some("$hash"));
    assert_eq!(account.user.password_changed_at, Some(NOW));
    // It is the one that a new password replaces.
    let to = PasswordHash::from_phc("$new".to_owned());
    let version = account.authentication_version;
    let replaced = fixture
        .store
        .replace_password(id, version, &to, None, NOW, &[]);
    assert!(replaced.await.unwrap().is_some());
    let records = fixture.store.credentials(id).await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].id, password);
}

pub(super) async fn credential_of_another_account_is_not_removed(fixture: Fixture) {
    let (ada, bob) = (fixture.account("ada").await, fixture.account("bob").await);
    let totp = totp();
    add(&fixture, &ada, std::slice::from_ref(&totp)).await;
    let removed = CredentialChange {
        removed: &[totp.id],
        ..change(bob.user.id, FIRST)
    };
    fixture
        .store
        .change_credentials(&removed, &[])
        .await
        .unwrap();
    assert!(kinds(&fixture, &ada).await.has_second_factor());
}

pub(super) async fn credentials_change_at_one_version_by_a_live_login(fixture: Fixture) {
    let (ada, ended) = fixture.signed_in().await;
    let live = fixture.login(&ada).await;
    let bob = fixture.account("bob").await;
    let foreign = fixture.login(&bob).await;
    fixture.end(ended).await;
    let id = ada.user.id;
    let (added, events) = ([totp()], [event(AuditKind::TotpAdded)]);
    for (user, from, by, now) in [
        (id, FIRST, ended, NOW),
        (id, FIRST, foreign, NOW),
        (id, FIRST, Sid::random(&TestRandom), NOW),
        (id, FIRST, live, NOW + LOGIN_TTL),
        (id, FIRST.next(), live, NOW),
        (UserId::random(&TestRandom), FIRST, live, NOW),
    ] {
        let refused = CredentialChange {
            by: Some(by),
            added: &added,
            now,
            ..change(user, from)
        };
        let changed = fixture.store.change_credentials(&refused, &events).await;
        assert_eq!(changed.unwrap(), None);
    }
    assert!(!kinds(&fixture, &ada).await.has_second_factor());
    assert_eq!(fixture.count(AuditKind::TotpAdded).await, 0);
}

pub(super) async fn racing_changes_of_credentials_have_one_winner(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let changed = race(|_| {
        let (store, id) = (Arc::clone(&fixture.store), ada.user.id);
        async move {
            let added = [totp()];
            let change = CredentialChange {
                added: &added,
                ..change(id, FIRST)
            };
            store
                .change_credentials(&change, &[])
                .await
                .unwrap()
                .is_some()
        }
    });
    assert_eq!(winners(&changed.await), 1);
}

pub(super) async fn change_of_credentials_ends_logins_but_its_own(fixture: Fixture) {
    let (ada, own) = fixture.signed_in().await;
    let other = fixture.login(&ada).await;
    let ending = CredentialChange {
        by: Some(own),
        ends: Some(EndReason::FactorsChanged),
        ..change(ada.user.id, FIRST)
    };
    let changed = fixture.store.change_credentials(&ending, &[]).await;
    assert!(changed.unwrap().is_some());
    assert!(fixture.is_live(own).await && !fixture.is_live(other).await);
    assert_eq!(fixture.revoked().await, [Revoked::Login(other)]);
    let ending = CredentialChange {
        by: None,
        ..change(ada.user.id, FIRST.next())
    };
    let ending = CredentialChange {
        ends: Some(EndReason::FactorsChanged),
        ..ending
    };
    let changed = fixture.store.change_credentials(&ending, &[]).await;
    assert!(changed.unwrap().is_some());
    assert!(!fixture.is_live(own).await);
}

/// A sign-in that verified the credentials from before.
pub(super) async fn login_needs_the_version_after_a_change_of_credentials(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    add(&fixture, &ada, &[totp()]).await;
    let started = fixture.store.insert_login(&new_login(&ada)).await;
    assert!(started.unwrap().is_none());
    let found = fixture.store.account(ada.user.id).await.unwrap().unwrap();
    fixture.login(&found).await;
}

pub(super) async fn time_step_is_used_once_and_forwards(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let totp = totp();
    add(&fixture, &ada, std::slice::from_ref(&totp)).await;
    for (step, expected) in [(7, false), (6, false), (9, true), (9, false), (8, false)] {
        let used = fixture.store.use_totp_step(totp.id, step, NOW).await;
        assert_eq!(used.unwrap(), expected, "{step}");
    }
    let stored = fixture.store.totp(ada.user.id).await.unwrap().unwrap();
    assert_eq!(stored.used_step, Some(9));
    let records = fixture.store.credentials(ada.user.id).await.unwrap();
    let record = records.iter().find(|record| record.id == totp.id);
    assert_eq!(record.unwrap().last_used_at, Some(NOW));
    let unknown = CredentialId::random(&TestRandom);
    let used = fixture.store.use_totp_step(unknown, 9, NOW).await;
    assert!(!used.unwrap());
    let account = fixture.store.account(ada.user.id).await.unwrap().unwrap();
    assert_eq!(account.authentication_version, FIRST.next());
}

pub(super) async fn racing_uses_of_a_time_step_have_one_winner(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let totp = totp();
    add(&fixture, &ada, std::slice::from_ref(&totp)).await;
    let used = race(|_| {
        let (store, id) = (Arc::clone(&fixture.store), totp.id);
        async move { store.use_totp_step(id, 8, NOW).await.unwrap() }
    });
    assert_eq!(winners(&used.await), 1);
}

pub(super) async fn recovery_code_is_used_once_with_its_event(fixture: Fixture) {
    let (ada, bob) = (fixture.account("ada").await, fixture.account("bob").await);
    add(&fixture, &ada, &[recovery_code(1), recovery_code(2)]).await;
    add(&fixture, &bob, &[recovery_code(3)]).await;
    let events = [event(AuditKind::RecoveryCodeUsed)];
    let use_code = async |hash: u8| {
        let hash = KeyedHash([hash; 16]);
        let used = fixture
            .store
            .use_recovery_code(ada.user.id, hash, NOW, &events);
        used.await.unwrap()
    };
    for (hash, expected) in [
        (1, Change::Applied),
        (1, Change::AlreadyApplied),
        (3, Change::NotFound),
        (4, Change::NotFound),
        (2, Change::Applied),
    ] {
        assert_eq!(use_code(hash).await, expected, "{hash}");
    }
    assert_eq!(fixture.count(AuditKind::RecoveryCodeUsed).await, 2);
    let left = kinds(&fixture, &ada).await;
    assert!(!left.contains(CredentialKind::RecoveryCode), "all are used");
    let records = fixture.store.credentials(ada.user.id).await.unwrap();
    let used = records.iter().filter(|record| record.is_used_up());
    assert_eq!(used.count(), 2);
}

pub(super) async fn racing_uses_of_a_recovery_code_have_one_winner(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    add(&fixture, &ada, &[recovery_code(1)]).await;
    let used = race(|_| {
        let (store, id) = (Arc::clone(&fixture.store), ada.user.id);
        async move {
            let events = [event(AuditKind::RecoveryCodeUsed)];
            let used = store.use_recovery_code(id, KeyedHash([1; 16]), NOW, &events);
            used.await.unwrap() == Change::Applied
        }
    });
    assert_eq!(winners(&used.await), 1);
    assert_eq!(fixture.count(AuditKind::RecoveryCodeUsed).await, 1);
}

pub(super) async fn second_factor_is_required_once_and_ends_logins(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let (id, events) = (ada.user.id, [event(AuditKind::SecondFactorRequired)]);
    let ends = Some(EndReason::FactorsChanged);
    for expected in [Change::Applied, Change::AlreadyApplied] {
        let required = fixture
            .store
            .set_second_factor_required(id, true, ends, NOW, &events);
        assert_eq!(required.await.unwrap(), expected);
    }
    assert!(!fixture.is_live(sid).await);
    let found = fixture.store.account(id).await.unwrap().unwrap();
    assert!(found.user.second_factor_required);
    let again = fixture.login(&found).await;
    let optional = fixture
        .store
        .set_second_factor_required(id, false, None, NOW, &[]);
    assert_eq!(optional.await.unwrap(), Change::Applied);
    assert!(fixture.is_live(again).await);
    let unknown = UserId::random(&TestRandom);
    let required = fixture
        .store
        .set_second_factor_required(unknown, true, ends, NOW, &events);
    assert_eq!(required.await.unwrap(), Change::NotFound);
    assert_eq!(fixture.count(AuditKind::SecondFactorRequired).await, 1);
}

/// An account whose credentials this version does not understand would need fewer factors than it has.
pub(super) async fn unknown_kind_of_credential_is_corrupt(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    add(&fixture, &ada, &[totp()]).await;
    let sql = "UPDATE credentials SET kind = 'iris' WHERE kind = 'totp'";
    fixture.subject.execute(sql).await;
    assert!(fixture.store.account(ada.user.id).await.is_err());
}
