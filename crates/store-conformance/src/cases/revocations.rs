//! [`RevocationLog`](holdfast_identity::store::RevocationLog).

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use holdfast_identity::{
    audit::AuditKind,
    id::{Jti, Sid},
    revocation::{Epoch, REVOCATION_MARGIN, Revocation, Revoked, append_lost, end_again},
    store::Store,
};

use crate::{
    fixture::{EPHEMERAL, Fixture, NOW, TestRandom, event},
    race::{race, winners},
};

/// Entries that each of the writers appends.
const ENTRIES: usize = 10;

pub(super) async fn epoch_is_stored_once(fixture: Fixture) {
    let fresh = |id: &str| Epoch {
        id: id.to_owned(),
        begun_at: NOW,
    };
    let store = &fixture.store;
    assert_eq!(store.epoch(fresh("one")).await.unwrap(), fresh("one"));
    let again = fixture.subject.open().await;
    assert_eq!(again.epoch(fresh("two")).await.unwrap(), fresh("one"));
    store.end_epoch().await.unwrap();
    assert_eq!(again.epoch(fresh("three")).await.unwrap(), fresh("three"));
}

pub(super) async fn token_is_revoked_once(fixture: Fixture) {
    let jti = Jti::random(&TestRandom);
    let events = [event(AuditKind::TokenRevoked)];
    for expected in [true, false] {
        assert_eq!(fixture.store.is_revoked(jti).await.unwrap(), !expected);
        let revoked = fixture.store.revoke_token(jti, NOW, &events).await;
        assert_eq!(revoked.unwrap(), expected);
    }
    let log = fixture.log().await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].revoked, Revoked::Token(jti));
    assert_eq!(log[0].expires_at, NOW + REVOCATION_MARGIN);
    assert_eq!(fixture.count(AuditKind::TokenRevoked).await, 1);
}

pub(super) async fn racing_revocations_have_one_winner(fixture: Fixture) {
    let jti = Jti::random(&TestRandom);
    let revoked = race(|_| {
        let store = Arc::clone(&fixture.store);
        async move { store.revoke_token(jti, NOW, &[]).await.unwrap() }
    })
    .await;
    assert_eq!(winners(&revoked), 1);
    assert_eq!(fixture.log().await.len(), 1);
}

pub(super) async fn entries_follow_a_position_in_order(fixture: Fixture) {
    let mut tokens = Vec::new();
    for _ in 0..5 {
        tokens.push(Revoked::Token(fixture.revoke_token().await));
    }
    let log = fixture.log().await;
    assert!(log.is_sorted_by(|one, next| one.sequence < next.sequence));
    let revoked: Vec<_> = log.iter().map(|entry| entry.revoked.clone()).collect();
    assert_eq!(revoked, tokens);
    let after = log[1].sequence;
    let page = fixture
        .store
        .revocations_after(after, 2)
        .await
        .unwrap()
        .entries;
    assert_eq!(page, log[2..4]);
}

/// Follows the log as a watcher does, and returns what it has received once `is_over`.
async fn follow(store: Arc<dyn Store>, is_over: Arc<AtomicBool>) -> Vec<Revoked> {
    let (mut last, mut received) = (0, Vec::new());
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let page = store.revocations_after(last, 7).await.unwrap().entries;
        for entry in &page {
            assert!(entry.sequence > last, "numbers ascend");
            last = entry.sequence;
            received.push(entry.revoked.clone());
        }
        if page.is_empty() && was_over {
            return received;
        }
        tokio::task::yield_now().await;
    }
}

/// An entry with a smaller number than one that was read must not appear later: a watcher would miss it for ever.
pub(super) async fn numbers_follow_commits_of_several_writers(fixture: Fixture) {
    let is_over = Arc::new(AtomicBool::new(false));
    let follower = fixture.subject.open().await;
    let follower = tokio::spawn(follow(follower, Arc::clone(&is_over)));
    let handles = [fixture.subject.open().await, fixture.subject.open().await];
    let written = race(|racer| {
        let store = Arc::clone(&handles[racer % 2]);
        async move {
            let mut written = Vec::new();
            for _ in 0..ENTRIES {
                let jti = Jti::random(&TestRandom);
                // Another handle may hold the write lock for too long; what failed is not in the log.
                let expires_at = NOW + EPHEMERAL;
                if store.revoke_token(jti, expires_at, &[]).await.is_ok() {
                    written.push(jti);
                }
            }
            written
        }
    })
    .await;
    is_over.store(true, Ordering::SeqCst);
    let received = follower.await.unwrap();
    let written: Vec<_> = written.into_iter().flatten().collect();
    assert!(written.len() > ENTRIES, "{}", written.len());
    let distinct: HashSet<_> = received
        .iter()
        .map(|revoked| format!("{revoked:?}"))
        .collect();
    assert_eq!(distinct.len(), received.len(), "received twice");
    for jti in written {
        assert!(received.contains(&Revoked::Token(jti)), "{jti} was missed");
    }
}

/// A transaction that took its number early and commits late.
pub(super) async fn held_transaction_loses_no_entry(fixture: Fixture) {
    let is_over = Arc::new(AtomicBool::new(false));
    let first = fixture.revoke_token().await;
    let held = Jti::random(&TestRandom);
    let follower = fixture.subject.open().await;
    let transaction = fixture.subject.hold_revocation(&held.to_string()).await;
    let follower = tokio::spawn(follow(follower, Arc::clone(&is_over)));
    let store = Arc::clone(&fixture.store);
    let (during, jti) = (NOW + EPHEMERAL, Jti::random(&TestRandom));
    let write = tokio::spawn(async move { store.revoke_token(jti, during, &[]).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    transaction.commit().await;
    let has_written = write.await.unwrap().is_ok();
    let last = fixture.revoke_token().await;
    is_over.store(true, Ordering::SeqCst);
    let received = follower.await.unwrap();
    let mut expected = vec![first, held];
    expected.extend(Some(jti).filter(|_| has_written));
    expected.push(last);
    for jti in &expected {
        assert!(received.contains(&Revoked::Token(*jti)), "{jti} was missed");
    }
}

pub(super) async fn numbers_are_not_reused_after_a_purge(fixture: Fixture) {
    fixture.revoke_token().await;
    let newest = fixture.log().await[0].sequence;
    let after_expiry = NOW + EPHEMERAL + REVOCATION_MARGIN + Duration::from_secs(1);
    fixture.store.purge(NOW).await.unwrap();
    assert_eq!(fixture.log().await.len(), 1);
    fixture.store.purge(after_expiry).await.unwrap();
    assert!(fixture.log().await.is_empty());
    fixture.revoke_token().await;
    assert!(fixture.log().await[0].sequence > newest);
}

/// Entries with numbers that the log does not have, below those that it hands out.
async fn lost(fixture: &Fixture, subjects: Vec<Revoked>) -> Vec<Revocation> {
    for _ in &subjects {
        fixture.revoke_token().await;
    }
    let first = fixture.log().await[0].sequence;
    let after_expiry = NOW + EPHEMERAL + REVOCATION_MARGIN + Duration::from_secs(1);
    fixture.store.purge(after_expiry).await.unwrap();
    let numbered = subjects.into_iter().zip(first..);
    let entry = |(revoked, sequence)| Revocation {
        sequence,
        revoked,
        expires_at: NOW + EPHEMERAL,
    };
    numbered.map(entry).collect()
}

pub(super) async fn lost_entries_are_appended_again_once(fixture: Fixture) {
    let store = &fixture.store;
    let token = Jti::random(&TestRandom);
    let subjects = vec![
        Revoked::Token(token),
        Revoked::Login(Sid::random(&TestRandom)),
        Revoked::Client("shop".to_owned()),
    ];
    let gone = lost(&fixture, subjects).await;
    fixture.revoke_token().await;
    let kept = fixture.log().await.remove(0);
    let known = [vec![kept.clone()], gone.clone()].concat();
    let missing = store.missing_revocations(&known).await.unwrap();
    assert_eq!(missing, gone);

    let appended = race(|_| {
        let (store, gone) = (Arc::clone(store), gone.clone());
        async move { store.append_again(&gone).await.unwrap_or_default() }
    })
    .await;
    assert_eq!(appended.iter().sum::<u64>(), 3);
    let log = fixture.log().await;
    let subjects = log
        .iter()
        .skip(1)
        .map(|entry| (&entry.revoked, entry.expires_at));
    let expected = gone.iter().map(|entry| (&entry.revoked, entry.expires_at));
    assert!(subjects.eq(expected), "{log:?}");
    assert!(log.is_sorted_by(|one, next| one.sequence < next.sequence));
    assert!(store.is_revoked(token).await.unwrap());

    // An entry that expires earlier does not replace the lost one.
    let longer = Revocation {
        expires_at: NOW + EPHEMERAL * 2,
        ..gone[1].clone()
    };
    assert_eq!(store.append_again(&[longer]).await.unwrap(), 1);
}

pub(super) async fn lost_ends_are_restored(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    let (kept, gone) = (fixture.login(&ada).await, fixture.login(&ada).await);
    let shop = fixture.grant_of_shop(kept).await;
    let subjects = vec![Revoked::Login(gone), Revoked::Grant(shop)];
    let entries = lost(&fixture, subjects).await;
    let store = &*fixture.store;
    // Their numbers stay missing: an instance that is killed before it ended them is not the only one that does.
    for appended in [2, 0] {
        let before = fixture.log().await.len();
        let (counted, lost) = append_lost(store, &entries).await.unwrap();
        assert_eq!((counted, &lost), (appended as u64, &entries));
        assert_eq!(fixture.log().await.len(), before + appended);
        for entry in &lost {
            end_again(store, entry, NOW).await.unwrap();
        }
    }
    assert!(!fixture.is_live(gone).await);
    assert!(fixture.is_live(sid).await && fixture.is_live(kept).await);
    let (grant, ..) = fixture.store.grant(shop).await.unwrap().unwrap();
    assert!(grant.ended);
}
