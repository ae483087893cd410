//! A database that an earlier version wrote is the same after it moved to PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use holdfast_identity::{
    audit::AuditQuery,
    id::{Jti, Sid},
    revocation::{Epoch, Revoked},
    store::Store,
};
use holdfast_store_postgres::PostgresStore;
use holdfast_store_sqlite::SqliteStore;
use holdfast_store_transfer::{Mode, TransferError, transfer};
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection,
    sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;
use time::OffsetDateTime;

const EVERYTHING: u32 = 10_000;

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The database of the fixture of the upgrade tests.
async fn source(directory: &TempDir) -> PathBuf {
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/data/upgrade-0002/auth.sql");
    let sql = fs::read_to_string(fixture).unwrap();
    let file = directory.path().join("auth.db");
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true)
        // The dump has the tables in alphabetical order.
        .foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let script = sqlx::raw_sql(AssertSqlSafe(sql));
    script.execute(&mut connection).await.unwrap();
    // The widest public key, of 3072 bits: exponent and modulus.
    let rsa_key = "INSERT INTO signing_keys (kid, algorithm, public_key, sealed_private_key, created_at, signs_from) \
                   VALUES ('rsa', 'RS256', CAST(x'010001' || randomblob(384) AS BLOB), x'00', 1, 1)";
    connection.execute(rsa_key).await.unwrap();
    connection.close().await.unwrap();
    file
}

/// The URL of a new PostgreSQL database.
async fn target() -> String {
    let server = env::var("HOLDFAST_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("run `cargo xtask test --only postgres`, which starts a server")
    });
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let name = format!("transfer_{}_{number}", std::process::id());
    let mut connection = PgConnection::connect(&format!("{server}/postgres"))
        .await
        .unwrap();
    let create = format!("CREATE DATABASE {name}");
    connection.execute(AssertSqlSafe(create)).await.unwrap();
    format!("{server}/{name}")
}

/// What the ports show of a store, as text.
async fn content(store: &dyn Store) -> Vec<String> {
    let long_ago = OffsetDateTime::UNIX_EPOCH;
    let mut content = Vec::new();
    let log = store
        .revocations_after(0, EVERYTHING)
        .await
        .unwrap()
        .entries;
    for user in store.users_after(None, EVERYTHING).await.unwrap() {
        let account = store.account(user.id).await.unwrap().unwrap();
        let hash = account
            .password_hash
            .as_ref()
            .map(|hash| hash.as_phc().to_owned());
        content.push(format!(
            "{:?} {hash:?} {:?}",
            account.user, account.authentication_version
        ));
        for login in store.logins_of(user.id, long_ago).await.unwrap() {
            for grant in &login.grants {
                content.push(format!("{:?}", store.grant(grant.id).await.unwrap()));
            }
            content.push(format!("{login:?}"));
        }
    }
    for entry in &log {
        if let Revoked::Login(sid) = &entry.revoked {
            content.push(format!("{:?}", store.login(*sid).await.unwrap()));
        }
        content.push(format!("{entry:?}"));
    }
    for key in store.signing_keys().await.unwrap() {
        content.push(format!("{key:?}"));
    }
    let all = AuditQuery {
        limit: EVERYTHING,
        ..AuditQuery::default()
    };
    content.push(format!("{:?}", store.events(&all).await.unwrap()));
    content.push(format!("{:?}", store.clients().await.unwrap()));
    content.push(format!("{:?}", store.any_secret_key().await.unwrap()));
    content.push(format!("{:?}", store.checkpoint().await.unwrap()));
    let other = Epoch {
        id: "another".to_owned(),
        begun_at: long_ago,
    };
    content.push(format!("{:?}", store.epoch(other).await.unwrap()));
    content
}

#[tokio::test]
async fn moved_database_is_the_same_and_continues() {
    let directory = tempfile::tempdir().unwrap();
    let (file, url) = (source(&directory).await, target().await);
    let counts = transfer(&file, &url, Mode::Commit).await.unwrap();
    let rows = |table: &str| {
        counts
            .iter()
            .find(|count| count.table == table)
            .unwrap()
            .rows
    };
    assert_eq!(rows("users"), 3);
    assert!(rows("logins") >= 4 && rows("grants") >= 4 && rows("audit_events") > 0);

    let before = SqliteStore::open(&file).await.unwrap();
    let after = PostgresStore::open(&url, 2).await.unwrap();
    let (before, after): (&dyn Store, &dyn Store) = (&before, &after);
    let (expected, found) = (content(before).await, content(after).await);
    assert!(expected.len() > 15, "{expected:#?}");
    assert_eq!(found, expected);

    // Numbers go on where they were.
    let jti: Jti = Sid::from_random_bytes([7; 16]).to_string().parse().unwrap();
    for store in [before, after] {
        let revoked = store.revoke_token(jti, OffsetDateTime::UNIX_EPOCH, &[]);
        assert!(revoked.await.unwrap());
    }
    let last = async |store: &dyn Store| {
        let log = store
            .revocations_after(0, EVERYTHING)
            .await
            .unwrap()
            .entries;
        log.last().unwrap().sequence
    };
    assert_eq!(last(after).await, last(before).await);
}

#[tokio::test]
async fn dry_run_writes_nothing_and_a_target_in_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (file, url) = (source(&directory).await, target().await);
    let dry = transfer(&file, &url, Mode::DryRun).await.unwrap();
    let store = PostgresStore::open(&url, 2).await.unwrap();
    let store: &dyn Store = &store;
    assert!(
        store
            .users_after(None, EVERYTHING)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.clients().await.unwrap().len(), 1, "of the migration");

    assert_eq!(transfer(&file, &url, Mode::Commit).await.unwrap(), dry);
    let again = transfer(&file, &url, Mode::Commit).await;
    assert!(
        matches!(again, Err(TransferError::TargetInUse)),
        "{again:?}"
    );
    let missing = directory.path().join("no.db");
    let missing = transfer(&missing, &url, Mode::Commit).await;
    assert!(
        matches!(missing, Err(TransferError::NoSource)),
        "{missing:?}"
    );
}
