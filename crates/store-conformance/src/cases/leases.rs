//! [`LeaseStore`](holdfast_identity::store::LeaseStore).

use std::{sync::Arc, time::Duration};

use crate::{
    fixture::Fixture,
    race::{race, winners},
};

const LONG: Duration = Duration::from_mins(10);

pub(super) async fn lease_has_one_holder_until_it_is_released(fixture: Fixture) {
    let store = &fixture.store;
    let acquire = async |name, holder| store.acquire_lease(name, holder, LONG).await.unwrap();
    assert!(acquire("purge", "one").await);
    assert!(!acquire("purge", "two").await);
    assert!(acquire("purge", "one").await, "it is prolonged");
    assert!(acquire("keys", "two").await, "each task has its own");
    store.release_leases("one").await.unwrap();
    assert!(acquire("purge", "two").await);
    assert!(!acquire("keys", "one").await);
}

pub(super) async fn expired_lease_is_taken_over(fixture: Fixture) {
    let store = &fixture.store;
    let expired = store.acquire_lease("purge", "one", Duration::ZERO).await;
    assert!(expired.unwrap());
    assert!(store.acquire_lease("purge", "two", LONG).await.unwrap());
    assert!(!store.acquire_lease("purge", "one", LONG).await.unwrap());
}

pub(super) async fn racing_instances_have_one_holder(fixture: Fixture) {
    let held = race(|racer| {
        let store = Arc::clone(&fixture.store);
        async move {
            let holder = racer.to_string();
            store.acquire_lease("purge", &holder, LONG).await.unwrap()
        }
    })
    .await;
    assert_eq!(winners(&held), 1);
}
