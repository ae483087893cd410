//! What a server does that a file does not: standbys, several instances that start, failovers.

use holdfast_identity::{
    id::Jti,
    store::{Maintenance as _, RevocationLog as _},
};
use holdfast_store_conformance::fixture::{EPHEMERAL, NOW, TestRandom};
use holdfast_store_postgres::{OpenError, PostgresStore};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::{process::Command, task::JoinSet, time::timeout};

use crate::{
    fixture::execute,
    locks::Rows,
    subject::{CONNECTIONS, new_database},
};

fn name_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn server_that_takes_no_writes_is_refused_and_used_again_later() {
    let url = new_database().await;
    let store = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    store.ping().await.unwrap();
    let set = |value| {
        let name = name_of(&url);
        format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = {value}; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
    };
    // The connections that are open are gone with their server; new ones lead to one that takes no writes.
    execute(&url, set("on")).await;
    let failed = store.ping().await.unwrap_err();
    let names_causes = failed
        .to_string()
        .contains("unreachable or takes no writes");
    assert!(names_causes, "{failed}");
    let refused = PostgresStore::open(&url, CONNECTIONS).await;
    let is_named =
        matches!(&refused, Err(OpenError::NotAvailable(why)) if why.contains("takes no writes"));
    assert!(is_named, "{refused:?}");
    let server = url.rsplit_once('/').unwrap().0;
    execute(&format!("{server}/postgres"), set("off")).await;
    store.ping().await.unwrap();
}

#[tokio::test]
async fn standby_for_which_commits_do_not_wait_is_reported() {
    let url = new_database().await;
    let store = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    assert!(!store.failover_loses_commits().await.unwrap());
    let directory = tempfile::tempdir().unwrap();
    let server = url.rsplit_once('/').unwrap().0;
    // A receiver of the log, as a standby is.
    let _standby = Command::new("pg_receivewal")
        .args(["--dbname", server, "--directory"])
        .arg(directory.path())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let reported = async { while !store.failover_loses_commits().await.unwrap() {} };
    timeout(EPHEMERAL, reported).await.unwrap();
}

#[tokio::test]
async fn instances_that_start_at_once_migrate_once() {
    let url = new_database().await;
    let mut instances = JoinSet::new();
    for _ in 0..4 {
        let url = url.clone();
        // The future of the migrator is not `Send`.
        instances.spawn_blocking(move || {
            let runtime = tokio::runtime::Handle::current();
            runtime.block_on(async {
                let store = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
                store.ping().await.unwrap();
            });
        });
    }
    instances.join_all().await;
}

/// Migrates a database as a later version would that removes something (`earliest` 9999), or only adds.
async fn migrate_to_later_version(url: &str, earliest: i64) {
    let later = format!(
        "DO $$ DECLARE name TEXT; BEGIN \
             FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations' LOOP \
                 EXECUTE format('ALTER TABLE %I ADD COLUMN later TEXT', name); \
             END LOOP; \
         END $$; \
         CREATE TABLE later (name TEXT PRIMARY KEY); \
         UPDATE schema_compatibility SET earliest = greatest(earliest, {earliest}); \
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, '', 0)"
    );
    execute(url, later).await;
}

#[tokio::test]
async fn incompatible_schema_of_a_later_version_is_reported() {
    let url = new_database().await;
    PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    migrate_to_later_version(&url, 9999).await;
    let refused = PostgresStore::open(&url, CONNECTIONS).await;
    let is_later = matches!(refused, Err(OpenError::LaterVersion { found: 9999, .. }));
    assert!(is_later, "{refused:?}");
}

/// During a rolling upgrade instances of the earlier version run, and may be started again, after the first one of the later version has
/// migrated the database.
#[tokio::test]
async fn schema_of_a_later_version_that_adds_is_used() {
    let url = new_database().await;
    let running = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    let before = Rows::insert(&running, 1).await;
    migrate_to_later_version(&url, 0).await;
    let started = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    let after = Rows::insert(&started, 2).await;
    for (store, rows) in [(&running, after), (&started, before)] {
        for operation in 0..13 {
            rows.change(store, operation).await.unwrap();
        }
        assert_eq!(store.schema_version().await.unwrap(), 9999);
    }
}

#[tokio::test]
async fn changed_migration_of_a_later_version_is_reported() {
    let url = new_database().await;
    PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    migrate_to_later_version(&url, 0).await;
    let change = "UPDATE _sqlx_migrations SET checksum = '' WHERE version = 2";
    execute(&url, change.to_owned()).await;
    let refused = PostgresStore::open(&url, CONNECTIONS).await;
    let is_other = matches!(refused, Err(OpenError::OtherSchema(2)));
    assert!(is_other, "{refused:?}");
}

/// A number that is handed out before the commit would be skipped by a reader that has seen a later one.
#[tokio::test(flavor = "multi_thread")]
async fn open_transaction_delays_the_numbers_of_later_ones() {
    let url = new_database().await;
    let store = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    // Of its own, as the writers wait with every connection that they have.
    let reader = PostgresStore::open(&url, 2).await.unwrap();
    let mut held = PgConnection::connect(&url).await.unwrap();
    held.execute(
        "BEGIN; \
         INSERT INTO revocations (sequence, kind, subject, expires_at) \
         VALUES (take_revocation_numbers(1), 'sid', '00000000-0000-4000-8000-000000000001', 9000000000000)",
    )
    .await
    .unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        writers.spawn(async move {
            let mut appended = 0;
            while appended < 125 {
                let jti = Jti::random(&TestRandom);
                // Until the transaction is committed, the lock times out.
                let revoked = store.revoke_token(jti, NOW + EPHEMERAL, &[]).await;
                appended += u32::from(revoked.is_ok());
            }
        });
    }
    let mut last = 0;
    let mut numbers = Vec::new();
    for round in 0.. {
        if round == 3 {
            assert_eq!(numbers, [0; 0], "nothing is visible before the first entry");
            held.execute("COMMIT").await.unwrap();
        }
        for entry in reader.revocations_after(last, 1000).await.unwrap().entries {
            last = entry.sequence;
            numbers.push(entry.sequence);
        }
        if numbers.len() == 1001 {
            break;
        }
    }
    writers.join_all().await;
    let all = reader.revocations_after(0, 2000).await.unwrap().entries;
    let all: Vec<_> = all.into_iter().map(|entry| entry.sequence).collect();
    assert_eq!(numbers, all, "a reader that polls has missed none");
}

/// Numbers that a promoted server hands out are above those of the server before it, of which it may not have the last ones.
#[tokio::test]
async fn another_timeline_begins_above_the_numbers_of_the_one_before() {
    let url = new_database().await;
    let store = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    let newest = async || {
        let jti = Jti::random(&TestRandom);
        assert!(store.revoke_token(jti, NOW + EPHEMERAL, &[]).await.unwrap());
        let log = store.revocations_after(0, 100).await.unwrap().entries;
        log.last().unwrap().sequence
    };
    assert_eq!(newest().await, 1);
    // As if the server before had another one.
    execute(
        &url,
        "UPDATE revocation_counter SET timeline = 4711".to_owned(),
    )
    .await;
    assert_eq!(newest().await, (1 << 32) + 2);
    assert_eq!(newest().await, (1 << 32) + 3);
}
