//! [`Maintenance`](holdfast_identity::store::Maintenance), crashes and corrupt rows.

use std::time::Duration;

use holdfast_identity::{
    audit::AuditKind,
    id::{GrantId, Jti},
    revocation::{Epoch, Revoked},
    store::StoreError,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::sleep,
};

use crate::{
    crash::{ACKNOWLEDGED, spawn_writer},
    fixture::{Fixture, NOW, signing_key},
    race::rounds,
};

pub(super) async fn store_is_reopened_with_its_content(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    fixture.store.ping().await.unwrap();
    let version = fixture.store.schema_version().await.unwrap();
    assert!(version > 0);
    fixture.store.close().await;
    let store = fixture.subject.open().await;
    let found = store.account(ada.user.id).await.unwrap();
    assert_eq!(found.unwrap().user, ada.user);
    assert!(store.login(sid).await.unwrap().is_some());
    assert_eq!(store.schema_version().await.unwrap(), version);
}

pub(super) async fn backup_has_accounts_and_no_logins(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    fixture.revoke_token().await;
    let key = signing_key("one", NOW);
    let inserted = fixture.store.insert_signing_key(&key, None, &[]).await;
    assert!(inserted.unwrap());
    let epoch = Epoch {
        id: "one".to_owned(),
        begun_at: NOW,
    };
    fixture.store.epoch(epoch.clone()).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("backup");
    let written = fixture.store.back_up(&file).await;
    let again = fixture.store.back_up(&file).await;
    assert!(again.is_err(), "an existing file is not replaced");
    let Some(backup) = fixture.subject.open_backup(&file).await else {
        return assert!(written.is_err() && !file.exists());
    };
    written.unwrap();
    let found = backup.account(ada.user.id).await.unwrap();
    assert_eq!(found.unwrap().user, ada.user);
    assert!(backup.login(sid).await.unwrap().is_none());
    let grant = backup.grant(GrantId::first_of(sid)).await.unwrap();
    assert!(grant.is_none());
    assert!(backup.signing_keys().await.unwrap().is_empty());
    assert!(
        backup
            .revocations_after(0, 9)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
    let fresh = Epoch {
        id: "two".to_owned(),
        ..epoch
    };
    assert_eq!(backup.epoch(fresh.clone()).await.unwrap(), fresh);
}

fn is_corrupt<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Corrupt(_)))
}

pub(super) async fn corrupt_rows_are_reported(fixture: Fixture) {
    let (ada, sid) = fixture.signed_in().await;
    fixture.revoke_token().await;
    let key = signing_key("one", NOW);
    let inserted = fixture.store.insert_signing_key(&key, None, &[]).await;
    assert!(inserted.unwrap());
    let (store, grant) = (&fixture.store, GrantId::first_of(sid));
    fixture
        .subject
        .execute("UPDATE grants SET scope = 'a\"b'")
        .await;
    assert!(is_corrupt(&store.grant(grant).await));
    fixture
        .subject
        .execute("UPDATE logins SET client_kind = 'toaster'")
        .await;
    assert!(is_corrupt(&store.login(sid).await));
    assert!(is_corrupt(&store.logins_of(ada.user.id, NOW).await));
    fixture
        .subject
        .execute("UPDATE users SET username = ' '")
        .await;
    assert!(is_corrupt(&store.account(ada.user.id).await));
    fixture
        .subject
        .execute("UPDATE revocations SET kind = 'toaster'")
        .await;
    assert!(is_corrupt(&store.revocations_after(0, 9).await));
    fixture
        .subject
        .execute("UPDATE signing_keys SET algorithm = 'none'")
        .await;
    assert!(is_corrupt(&store.signing_keys().await));
    for algorithm in ["ES256", "RS256"] {
        let short = format!(
            "UPDATE signing_keys SET algorithm = '{algorithm}', public_key = sealed_private_key"
        );
        fixture.subject.execute(&short).await;
        assert!(is_corrupt(&store.signing_keys().await), "{algorithm}");
    }
    fixture
        .subject
        .execute("UPDATE clients SET grant_types = 'toaster'")
        .await;
    assert!(is_corrupt(&store.clients().await));
    fixture.account("bob").await;
}

pub(super) async fn killed_writer_loses_nothing_that_was_acknowledged(fixture: Fixture) {
    let mut acknowledged = Vec::new();
    for round in 0..rounds(5) {
        let mut writer = spawn_writer(&fixture.subject.data());
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let read = async {
            // The first acknowledgement shows that it writes.
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((_, jti)) = line.rsplit_once(&format!("{ACKNOWLEDGED} ")) {
                    acknowledged.push(jti.parse::<Jti>().unwrap());
                    break;
                }
            }
            sleep(Duration::from_millis(
                20 + 3 * u64::try_from(round % 20).unwrap(),
            ))
            .await;
            writer.start_kill().unwrap();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((_, jti)) = line.rsplit_once(&format!("{ACKNOWLEDGED} ")) {
                    acknowledged.extend(jti.parse::<Jti>());
                }
            }
        };
        read.await;
        writer.wait().await.unwrap();
        let store = fixture.subject.open().await;
        let log = store.revocations_after(0, 100_000).await.unwrap().entries;
        let revoked: Vec<_> = log.into_iter().map(|entry| entry.revoked).collect();
        for jti in &acknowledged {
            assert!(revoked.contains(&Revoked::Token(*jti)), "{jti} is lost");
        }
        let events = fixture.count(AuditKind::TokenRevoked).await;
        assert_eq!(events.min(9_999), revoked.len().min(9_999), "events");
    }
    assert!(acknowledged.len() > rounds(5));
}
