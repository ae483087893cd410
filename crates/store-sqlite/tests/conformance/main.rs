//! The `SQLite` driver keeps the promises of `holdfast-store-conformance`, and the cases notice a driver that does not.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod broken;
mod mutations;
mod subject;

use std::path::Path;

use holdfast_store_conformance::{conformance_tests, data_of_writer, write_until_killed};
use holdfast_store_sqlite::SqliteStore;

conformance_tests!(crate::subject::sqlite);

/// Writes until it is killed, in the process that a case starts; otherwise does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn write_where_the_environment_says() {
    if let Some(file) = data_of_writer() {
        let store = SqliteStore::open(Path::new(&file)).await.unwrap();
        write_until_killed(&store).await;
    }
}
