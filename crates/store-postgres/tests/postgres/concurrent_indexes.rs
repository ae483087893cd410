//! Indexes that are built while other instances write.

use holdfast_identity::store::Maintenance as _;
use holdfast_store_postgres::PostgresStore;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::{
    fixture::{execute, wait_for_lock},
    subject::{CONNECTIONS, new_database},
};

/// The state of the database before the migration of the index.
const UNDO: &str = "DELETE FROM _sqlx_migrations WHERE version >= 9; \
    ALTER TABLE trusted_browsers DROP COLUMN bound_jkt; \
    DROP TABLE logout_deliveries, consents, event_streams, stream_events; \
    CREATE INDEX one_grant_of_client ON grants (sid); \
    ALTER TABLE clients DROP COLUMN name, DROP COLUMN redirect_uris, DROP COLUMN post_logout_redirect_uris, \
        DROP COLUMN id_token_algorithm, DROP COLUMN first_party, DROP COLUMN must_push, DROP COLUMN backchannel_logout_uri, \
        DROP COLUMN sector";

/// An audit event of another instance.
const EVENT: &str = "INSERT INTO audit_events (at, kind) VALUES (0, 'SIGNED_IN')";

/// The rows of `pg_index` of the indexes that migrations build so.
const INDEXES: &str =
    "indexrelid IN ('security_events_by_user'::regclass, 'grants_of_login'::regclass)";

async fn are_valid(url: &str) -> bool {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let indexes = format!("SELECT bool_and(indisvalid) FROM pg_index WHERE {INDEXES}");
    let indexes = sqlx::query_scalar(AssertSqlSafe(indexes)).fetch_one(&mut connection);
    indexes.await.unwrap()
}

async fn open(url: &str) {
    let store = PostgresStore::open(url, CONNECTIONS).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn unfinished_indexes_are_built_again() {
    let url = new_database().await;
    open(&url).await;
    let interrupted = format!("UPDATE pg_index SET indisvalid = false WHERE {INDEXES}");
    execute(&url, format!("{UNDO}; {interrupted}")).await;
    assert!(!are_valid(&url).await);
    open(&url).await;
    assert!(are_valid(&url).await);
}

#[tokio::test]
async fn index_is_built_while_others_write() {
    let url = new_database().await;
    open(&url).await;
    let undo = format!("{UNDO}; DROP INDEX security_events_by_user");
    execute(&url, undo).await;

    let mut first = PgConnection::connect(&url).await.unwrap();
    let mut held = first.begin().await.unwrap();
    held.execute(EVENT).await.unwrap();
    let write = async {
        wait_for_lock(&url).await;
        let mut second = PgConnection::connect(&url).await.unwrap();
        second.execute("SET lock_timeout = '1s'").await.unwrap();
        second.execute(EVENT).await.unwrap();
        held.commit().await.unwrap();
    };
    tokio::join!(open(&url), write);
    assert!(are_valid(&url).await);
}
