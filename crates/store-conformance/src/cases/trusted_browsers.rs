//! [`TrustedBrowserStore`](holdfast_identity::store::TrustedBrowserStore).

use std::time::Duration;

use holdfast_identity::{
    account::{Account, AuthenticationVersion, PasswordHash},
    audit::AuditKind,
    authentication::{KeyedHash, MAX_TRUSTED_BROWSERS, NewTrustedBrowser},
    id::{TrustedBrowserId, UserId},
    oauth::KeyThumbprint,
};
use time::OffsetDateTime;

use crate::fixture::{Fixture, NOW, TestRandom, event};

const FIRST: AuthenticationVersion = AuthenticationVersion(1);
const DAY: Duration = Duration::from_hours(24);

fn browser(account: &Account, hash: u8, created_at: OffsetDateTime) -> NewTrustedBrowser {
    NewTrustedBrowser {
        id: TrustedBrowserId::random(&TestRandom),
        user: account.user.id,
        token_hash: KeyedHash([hash; 16]),
        version: FIRST,
        user_agent: Some("browser/1".to_owned()),
        created_at,
        expires_at: created_at + DAY,
    }
}

async fn insert(fixture: &Fixture, new: &NewTrustedBrowser) -> bool {
    let events = [event(AuditKind::BrowserTrusted)];
    let inserted = fixture.store.insert_trusted_browser(new, &events);
    inserted.await.unwrap()
}

async fn is_trusted(fixture: &Fixture, user: UserId, hash: u8, now: OffsetDateTime) -> bool {
    is_trusted_with(fixture, user, (hash, None), now).await
}

async fn is_trusted_with(
    fixture: &Fixture,
    user: UserId,
    (hash, key): (u8, Option<&KeyThumbprint>),
    now: OffsetDateTime,
) -> bool {
    let presented = (KeyedHash([hash; 16]), key);
    let store = &fixture.store;
    let found = store.use_trusted_browser((user, FIRST), presented, now);
    found.await.unwrap()
}

pub(super) async fn browser_is_trusted_by_its_account_until_it_expires(fixture: Fixture) {
    let (ada, bob) = (fixture.account("ada").await, fixture.account("bob").await);
    let new = browser(&ada, 1, NOW);
    assert!(insert(&fixture, &new).await);
    let (ada, bob) = (ada.user.id, bob.user.id);
    assert!(is_trusted(&fixture, ada, 1, NOW).await);
    assert!(!is_trusted(&fixture, ada, 2, NOW).await);
    assert!(!is_trusted(&fixture, bob, 1, NOW).await);
    assert!(!is_trusted(&fixture, ada, 1, NOW + DAY).await);
    let listed = fixture.store.trusted_browsers(ada, NOW).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].id, listed[0].last_used_at), (new.id, Some(NOW)));
    assert_eq!(listed[0].user_agent.as_deref(), Some("browser/1"));
    assert_eq!(listed[0].expires_at, NOW + DAY);
    let listed = fixture.store.trusted_browsers(ada, NOW + DAY).await;
    assert!(listed.unwrap().is_empty());
    assert_eq!(fixture.count(AuditKind::BrowserTrusted).await, 1);
    fixture.store.purge(NOW + 2 * DAY).await.unwrap();
}

pub(super) async fn change_of_credentials_ends_the_trust(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let id = ada.user.id;
    assert!(insert(&fixture, &browser(&ada, 1, NOW)).await);
    let hash = PasswordHash::from_phc("second".to_owned());
    let replaced = fixture
        .store
        .replace_password(id, FIRST, &hash, None, NOW, &[]);
    assert!(replaced.await.unwrap().is_some());
    assert!(!is_trusted(&fixture, id, 1, NOW).await);
    let listed = fixture.store.trusted_browsers(id, NOW).await.unwrap();
    assert!(listed.is_empty());
    assert!(!insert(&fixture, &browser(&ada, 2, NOW)).await);
    assert_eq!(fixture.count(AuditKind::BrowserTrusted).await, 1);
}

pub(super) async fn browser_of_its_owner_is_removed_once(fixture: Fixture) {
    let (ada, bob) = (fixture.account("ada").await, fixture.account("bob").await);
    let new = browser(&ada, 1, NOW);
    assert!(insert(&fixture, &new).await);
    let events = [event(AuditKind::BrowserTrustEnded)];
    for (user, expected) in [
        (bob.user.id, false),
        (ada.user.id, true),
        (ada.user.id, false),
    ] {
        let removed = fixture.store.remove_trusted_browser(user, new.id, &events);
        assert_eq!(removed.await.unwrap(), expected);
    }
    assert!(!is_trusted(&fixture, ada.user.id, 1, NOW).await);
    assert_eq!(fixture.count(AuditKind::BrowserTrustEnded).await, 1);
}

pub(super) async fn bound_browser_needs_its_key(fixture: Fixture) {
    let (ada, bob) = (fixture.account("ada").await, fixture.account("bob").await);
    assert!(insert(&fixture, &browser(&ada, 1, NOW)).await);
    let (ada, bob) = (ada.user.id, bob.user.id);
    let [one, two]: [KeyThumbprint; 2] = ["1", "2"].map(|key| key.repeat(43).parse().unwrap());
    assert!(is_trusted_with(&fixture, ada, (1, Some(&one)), NOW).await);
    let events = [event(AuditKind::BrowserTrustBound)];
    let bind = async |user, (hash, key): (u8, &KeyThumbprint), now| {
        let binding = (KeyedHash([hash; 16]), key);
        let store = &fixture.store;
        let bound = store.bind_trusted_browser(user, binding, now, &events);
        bound.await.unwrap()
    };
    assert!(!bind(bob, (1, &one), NOW).await, "of another account");
    assert!(!bind(ada, (2, &one), NOW).await, "another token");
    assert!(!bind(ada, (1, &one), NOW + DAY).await, "expired");
    let listed = fixture.store.trusted_browsers(ada, NOW).await.unwrap();
    assert!(!listed[0].is_bound);
    assert!(bind(ada, (1, &one), NOW).await);
    assert!(!bind(ada, (1, &two), NOW).await, "it stays bound");
    let listed = fixture.store.trusted_browsers(ada, NOW).await.unwrap();
    assert!(listed[0].is_bound);
    assert_eq!(fixture.count(AuditKind::BrowserTrustBound).await, 1);
    for (key, expected) in [(None, false), (Some(&two), false), (Some(&one), true)] {
        let is_trusted = is_trusted_with(&fixture, ada, (1, key), NOW).await;
        assert_eq!(is_trusted, expected, "{key:?}");
    }
}

pub(super) async fn twenty_browsers_are_trusted(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let count = u8::try_from(MAX_TRUSTED_BROWSERS).unwrap();
    for number in 0..=count {
        let at = NOW + Duration::from_secs(number.into());
        assert!(insert(&fixture, &browser(&ada, number, at)).await);
    }
    let id = ada.user.id;
    let listed = fixture.store.trusted_browsers(id, NOW).await.unwrap();
    assert_eq!(listed.len(), count.into());
    assert!(!is_trusted(&fixture, id, 0, NOW).await, "the oldest");
    assert!(is_trusted(&fixture, id, count, NOW).await);
    let deleted = fixture.store.delete_user(id, NOW, &[]).await;
    assert!(deleted.unwrap());
    assert!(!is_trusted(&fixture, id, count, NOW).await);
}
