//! The inspection of a database, which changes nothing.

use holdfast_core::clock::SystemClock;
use holdfast_identity::store::Maintenance as _;
use holdfast_store_postgres::{
    PostgresStore,
    inspection::{SchemaState, inspect},
};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::{
    fixture::execute,
    subject::{CONNECTIONS, new_database},
};

#[tokio::test]
async fn primary_is_inspected_before_and_after_its_first_start() {
    let url = new_database().await;
    let empty = inspect(&url, &SystemClock).await.unwrap();
    assert!(matches!(empty.schema, Ok(SchemaState::Missing)));
    assert!(empty.keys.is_err());
    let store = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    store.close().await;
    let facts = inspect(&url, &SystemClock).await.unwrap();
    assert!(matches!(facts.schema, Ok(SchemaState::Current(_))));
    assert!(facts.keys.unwrap().signing.is_empty());
    let server = facts.server;
    assert!(server.is_writable && server.full_page_writes && server.is_local);
    assert!(!server.has_synchronous_standbys && !server.is_encrypted);
    assert!(!server.version.is_empty() && !server.synchronous_commit.is_empty());
    assert!(facts.clock.difference().whole_seconds().abs() < 30);
}

#[tokio::test]
async fn inspection_creates_nothing() {
    let url = new_database().await;
    inspect(&url, &SystemClock).await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    let tables: i64 = sqlx::query_scalar(tables)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test]
async fn user_without_privileges_sees_the_server_and_no_data() {
    let url = new_database().await;
    let store = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    store.close().await;
    let role = format!("{}_reader", url.rsplit('/').next().unwrap());
    execute(&url, format!("CREATE ROLE {role} LOGIN PASSWORD 'hush'")).await;
    let (scheme, rest) = url.split_once("://").unwrap();
    let server = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
    let facts = inspect(&format!("{scheme}://{role}:hush@{server}"), &SystemClock).await;
    let facts = facts.unwrap();
    assert!(facts.server.is_writable);
    assert!(facts.schema.is_err() && facts.keys.is_err());
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let drop = AssertSqlSafe(format!("DROP ROLE {role}"));
    connection.execute(drop).await.unwrap();
}

#[tokio::test]
async fn server_that_takes_no_writes_is_recognized() {
    let url = new_database().await;
    let read_only = format!("{url}?options=-c%20default_transaction_read_only=on");
    let facts = inspect(&read_only, &SystemClock).await.unwrap();
    assert!(!facts.server.is_writable);
}

#[tokio::test]
async fn server_that_does_not_run_cannot_be_inspected() {
    let dead = inspect("postgres://auth@127.0.0.1:1/auth", &SystemClock).await;
    assert!(dead.is_err());
}
