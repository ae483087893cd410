//! Known locations, which [`LoginStore`](holdfast_identity::store::LoginStore) keeps.

use std::time::Duration;

use holdfast_identity::{
    account::{Account, PasswordHash},
    authentication::{KNOWN_LOCATION_TTL, KnownLocations, LocationTrust},
    login::NewLogin,
};
use time::OffsetDateTime;

use crate::fixture::{Fixture, NOW, locations, new_login};

async fn sign_in_from(
    fixture: &Fixture,
    account: &Account,
    known_locations: KnownLocations,
    at: OffsetDateTime,
) {
    let login = NewLogin {
        known_locations,
        created_at: at,
        ..new_login(account)
    };
    let started = fixture.store.insert_login(&login).await.unwrap();
    assert!(started.is_some());
}

async fn trust(fixture: &Fixture, account: &Account, at: KnownLocations) -> LocationTrust {
    let since = NOW - Duration::from_secs(1);
    let trust = fixture
        .store
        .location_trust(account.user.id, at, since)
        .await;
    trust.unwrap()
}

pub(super) async fn location_is_known_after_a_sign_in(fixture: Fixture) {
    let (ada, bob) = (fixture.account("ada").await, fixture.account("bob").await);
    let home = locations(Some(1), Some(2));
    assert_eq!(trust(&fixture, &ada, home).await, LocationTrust::Unknown);
    sign_in_from(&fixture, &ada, home, NOW).await;
    for (at, expected) in [
        (home, LocationTrust::Device),
        (locations(Some(1), Some(9)), LocationTrust::Device),
        (locations(Some(9), Some(2)), LocationTrust::Address),
        (locations(None, Some(2)), LocationTrust::Address),
        (locations(Some(9), Some(9)), LocationTrust::Unknown),
        (locations(None, None), LocationTrust::Unknown),
    ] {
        assert_eq!(trust(&fixture, &ada, at).await, expected, "{at:?}");
    }
    assert_eq!(trust(&fixture, &bob, home).await, LocationTrust::Unknown);
    let later = fixture.store.location_trust(ada.user.id, home, NOW).await;
    assert_eq!(later.unwrap(), LocationTrust::Unknown, "not used since");
}

pub(super) async fn new_password_forgets_locations(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let home = locations(Some(1), Some(2));
    sign_in_from(&fixture, &ada, home, NOW).await;
    let (from, to) = (
        ada.authentication_version,
        PasswordHash::from_phc("second".to_owned()),
    );
    let replaced = fixture
        .store
        .replace_password(ada.user.id, from, &to, None, NOW, &[])
        .await;
    assert!(replaced.unwrap().is_some());
    assert_eq!(trust(&fixture, &ada, home).await, LocationTrust::Unknown);
}

pub(super) async fn fifty_locations_are_kept(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    for number in 0..60 {
        let at = NOW + Duration::from_secs(number.into());
        sign_in_from(&fixture, &ada, locations(Some(number), None), at).await;
    }
    for number in 0..60 {
        let known = trust(&fixture, &ada, locations(Some(number), None)).await;
        let is_kept = known == LocationTrust::Device;
        assert_eq!(is_kept, number >= 10, "{number}");
    }
}

pub(super) async fn unused_locations_are_purged(fixture: Fixture) {
    let ada = fixture.account("ada").await;
    let home = locations(Some(1), None);
    sign_in_from(&fixture, &ada, home, NOW).await;
    let expiry = NOW + KNOWN_LOCATION_TTL;
    fixture.store.purge(expiry).await.unwrap();
    assert_eq!(trust(&fixture, &ada, home).await, LocationTrust::Device);
    let after = expiry + Duration::from_secs(1);
    fixture.store.purge(after).await.unwrap();
    assert_eq!(trust(&fixture, &ada, home).await, LocationTrust::Unknown);
}
