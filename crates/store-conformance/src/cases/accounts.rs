//! [`AccountStore`](holdfast_identity::store::AccountStore).

use std::sync::Arc;

use holdfast_identity::{
    account::{AuthenticationVersion, PasswordHash},
    audit::AuditKind,
    id::UserId,
    revocation::Revoked,
    store::Change,
};

use crate::{
    fixture::{Fixture, LOGIN_TTL, NOW, TestRandom, event, new_account},
    race::{race, winners},
};

fn hash(text: &str) -> PasswordHash {
    PasswordHash::from_phc(text.to_owned())
}

pub(super) async fn account_is_found_by_identifier_and_username(fixture: Fixture) {
    let mut account = new_account("ada");
    account.user.admin = true;
    let inserted = fixture.store.insert_user(&account, &[]).await;
    assert!(inserted.unwrap());
    let by_id = fixture.store.account(account.user.id).await.unwrap();
    let by_name = fixture.store.account_by_name(&account.user.username).await;
    for found in [by_id.unwrap(), by_name.unwrap().unwrap()] {
        assert_eq!(found.user, account.user);
        assert_eq!(found.password_hash.unwrap().as_phc(), "first");
        assert_eq!(found.authentication_version, AuthenticationVersion(1));
    }
}

pub(super) async fn unknown_account_is_not_found(fixture: Fixture) {
    let found = fixture.store.account(UserId::random(&TestRandom)).await;
    assert!(found.unwrap().is_none());
    let found = fixture.store.account_by_name(&"ada".parse().unwrap()).await;
    assert!(found.unwrap().is_none());
}

pub(super) async fn account_without_password_is_given_one(fixture: Fixture) {
    let mut account = new_account("ada");
    account.password_hash = None;
    account.user.password_changed_at = None;
    let inserted = fixture.store.insert_user(&account, &[]).await;
    assert!(inserted.unwrap());
    let id = account.user.id;
    let found = fixture.store.account(id).await.unwrap().unwrap();
    assert_eq!((found.user, found.password_hash), (account.user, None));
    let (from, to) = (AuthenticationVersion::FIRST, hash("first"));
    let set = fixture
        .store
        .replace_password(id, from, &to, None, NOW, &[]);
    assert_eq!(set.await.unwrap(), Some(from.next()));
    let found = fixture.store.account(id).await.unwrap().unwrap();
    assert_eq!(found.password_hash, Some(to));
    assert_eq!(found.user.password_changed_at, Some(NOW));
}

pub(super) async fn accounts_are_listed_in_order_by_pages(fixture: Fixture) {
    for name in ["dan", "ada", "carol", "bob"] {
        fixture.account(name).await;
    }
    let mut names = Vec::new();
    let mut last = None;
    loop {
        let page = fixture.store.users_after(last.as_ref(), 3).await.unwrap();
        let Some(user) = page.last() else { break };
        last = Some(user.username.clone());
        names.extend(page.iter().map(|user| user.username.to_string()));
    }
    assert_eq!(names, ["ada", "bob", "carol", "dan"]);
}

pub(super) async fn username_is_taken_once(fixture: Fixture) {
    let events = [event(AuditKind::UserCreated)];
    for expected in [true, false] {
        let account = new_account("ada");
        let inserted = fixture.store.insert_user(&account, &events).await;
        assert_eq!(inserted.unwrap(), expected);
    }
    assert_eq!(fixture.count(AuditKind::UserCreated).await, 1);
}

pub(super) async fn racing_insertions_of_a_username_have_one_winner(fixture: Fixture) {
    let inserted = race(|_| {
        let store = Arc::clone(&fixture.store);
        async move { store.insert_user(&new_account("ada"), &[]).await.unwrap() }
    })
    .await;
    assert_eq!(winners(&inserted), 1);
}

pub(super) async fn disabling_ends_logins_with_entries(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let bob = fixture.account("bob").await;
    let other = fixture.login(&bob).await;
    let events = [event(AuditKind::UserDisabled)];
    let change = fixture.store.disable_user(ada.user.id, NOW, &events).await;
    assert_eq!(change.unwrap(), Change::Applied);
    assert!(!fixture.is_live(sid).await && fixture.is_live(other).await);
    assert_eq!(fixture.revoked().await, [Revoked::Login(sid)]);
    assert_eq!(fixture.count(AuditKind::UserDisabled).await, 1);
    let found = fixture.store.account(ada.user.id).await.unwrap();
    assert!(!found.unwrap().is_enabled());
}

pub(super) async fn second_disabling_has_no_event(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let events = [event(AuditKind::UserDisabled)];
    for expected in [Change::Applied, Change::AlreadyApplied] {
        let change = fixture.store.disable_user(ada.user.id, NOW, &events).await;
        assert_eq!(change.unwrap(), expected);
    }
    let unknown = UserId::random(&TestRandom);
    let change = fixture.store.disable_user(unknown, NOW, &events).await;
    assert_eq!(change.unwrap(), Change::NotFound);
    assert_eq!(fixture.count(AuditKind::UserDisabled).await, 1);
}

pub(super) async fn enabling_restores_no_login(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let (id, events) = (ada.user.id, [event(AuditKind::UserEnabled)]);
    let change = fixture.store.enable_user(id, &events).await.unwrap();
    assert_eq!(change, Change::AlreadyApplied);
    fixture.store.disable_user(id, NOW, &[]).await.unwrap();
    let change = fixture.store.enable_user(id, &events).await.unwrap();
    assert_eq!(change, Change::Applied);
    assert!(!fixture.is_live(sid).await);
    assert_eq!(fixture.count(AuditKind::UserEnabled).await, 1);
    let unknown = UserId::random(&TestRandom);
    let change = fixture.store.enable_user(unknown, &events).await.unwrap();
    assert_eq!(change, Change::NotFound);
    fixture.login(&ada).await;
}

pub(super) async fn deletion_ends_logins_and_removes_everything(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let grant = fixture.grant_of_shop(sid).await;
    let events = [event(AuditKind::UserDeleted)];
    for expected in [true, false] {
        let deleted = fixture.store.delete_user(ada.user.id, NOW, &events).await;
        assert_eq!(deleted.unwrap(), expected);
    }
    assert_eq!(fixture.revoked().await, [Revoked::Login(sid)]);
    assert_eq!(fixture.count(AuditKind::UserDeleted).await, 1);
    assert!(fixture.store.login(sid).await.unwrap().is_none());
    assert!(fixture.store.grant(grant).await.unwrap().is_none());
    fixture.account("ada").await;
}

pub(super) async fn new_password_increments_version_and_ends_logins(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let (id, events) = (ada.user.id, [event(AuditKind::PasswordChanged)]);
    let later = NOW + LOGIN_TTL / 2;
    let replaced = fixture
        .store
        .replace_password(
            id,
            AuthenticationVersion(1),
            &hash("second"),
            Some(sid),
            later,
            &events,
        )
        .await;
    assert_eq!(replaced.unwrap(), Some(AuthenticationVersion(2)));
    let account = fixture.store.account(id).await.unwrap().unwrap();
    assert_eq!(account.password_hash.unwrap().as_phc(), "second");
    assert_eq!(account.authentication_version, AuthenticationVersion(2));
    assert_eq!(account.user.password_changed_at, Some(later));
    assert!(!fixture.is_live(sid).await);
    assert_eq!(fixture.revoked().await, [Revoked::Login(sid)]);
    assert_eq!(fixture.count(AuditKind::PasswordChanged).await, 1);
}

pub(super) async fn password_of_another_version_is_not_replaced(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let events = [event(AuditKind::PasswordChanged)];
    for (id, version) in [(ada.user.id, 2), (UserId::random(&TestRandom), 1)] {
        let version = AuthenticationVersion(version);
        let replaced = fixture
            .store
            .replace_password(id, version, &hash("second"), None, NOW, &events)
            .await;
        assert_eq!(replaced.unwrap(), None);
    }
    assert!(fixture.is_live(sid).await);
    assert_eq!(fixture.count(AuditKind::PasswordChanged).await, 0);
}

/// The login may end while the new password is hashed.
pub(super) async fn password_is_not_replaced_by_an_ended_login(fixture: Fixture) {
    let (ada, ended) = fixture.signed_in().await;
    let live = fixture.login(&ada).await;
    let bob = fixture.account("bob").await;
    let foreign = fixture.login(&bob).await;
    fixture.end(ended).await;
    let cases = [
        (ended, NOW, None),
        (foreign, NOW, None),
        (live, NOW + LOGIN_TTL, None),
        (live, NOW, Some(AuthenticationVersion(2))),
    ];
    for (by, at, expected) in cases {
        let replaced = fixture
            .store
            .replace_password(
                ada.user.id,
                AuthenticationVersion(1),
                &hash("new"),
                Some(by),
                at,
                &[],
            )
            .await;
        assert_eq!(replaced.unwrap(), expected);
    }
}

pub(super) async fn racing_password_changes_have_one_winner(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let events = [event(AuditKind::PasswordSet)];
    let replaced = race(|racer| {
        let (store, id, events) = (Arc::clone(&fixture.store), ada.user.id, events.clone());
        async move {
            let (from, to) = (AuthenticationVersion(1), hash(&racer.to_string()));
            let replaced = store.replace_password(id, from, &to, None, NOW, &events);
            replaced.await.unwrap().is_some()
        }
    })
    .await;
    assert_eq!(winners(&replaced), 1);
    assert_eq!(fixture.count(AuditKind::PasswordSet).await, 1);
}

pub(super) async fn new_hash_of_same_password_ends_nothing(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    for (version, expected) in [(2, "first"), (1, "stronger")] {
        let (version, new) = (AuthenticationVersion(version), hash("stronger"));
        let replaced = fixture
            .store
            .replace_password_hash(ada.user.id, version, &new);
        replaced.await.unwrap();
        let account = fixture.store.account(ada.user.id).await.unwrap().unwrap();
        assert_eq!(account.password_hash.unwrap().as_phc(), expected);
        assert_eq!(account.authentication_version, AuthenticationVersion(1));
    }
    assert!(fixture.is_live(sid).await);
}
