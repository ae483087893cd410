//! The PostgreSQL driver keeps the promises of `holdfast-store-conformance`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod concurrent_indexes;
mod fixture;
mod inspection;
mod locks;
mod network;
mod pooler;
mod server;
mod subject;

use holdfast_store_conformance::{conformance_tests, data_of_writer, write_until_killed};
use holdfast_store_postgres::PostgresStore;

use self::subject::CONNECTIONS;

conformance_tests!(crate::subject::postgres);

/// Writes until it is killed, in the process that a case starts; otherwise does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn write_where_the_environment_says() {
    if let Some(url) = data_of_writer() {
        let url = url.to_str().unwrap();
        let store = PostgresStore::open(url, CONNECTIONS).await.unwrap();
        write_until_killed(&store).await;
    }
}
