//! Database files for the cases.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use holdfast_identity::store::Store;
use holdfast_store_conformance::{HeldTransaction, Subject};
use holdfast_store_sqlite::SqliteStore;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;
use tokio::{runtime::Handle, task::block_in_place};

/// A database file in a directory of its own.
pub(crate) struct SqliteSubject(TempDir);

/// A new database file.
pub(crate) async fn sqlite() -> Arc<dyn Subject> {
    Arc::new(SqliteSubject(tempfile::tempdir().unwrap()))
}

/// Opens a store. The future of the migrator is not `Send`, which the trait requires.
fn open(file: &Path) -> Arc<dyn Store> {
    let opened = || Handle::current().block_on(SqliteStore::open(file));
    Arc::new(block_in_place(opened).unwrap())
}

impl SqliteSubject {
    fn file(&self) -> PathBuf {
        self.0.path().join("auth.db")
    }

    async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.file());
        SqliteConnection::connect_with(&options).await.unwrap()
    }
}

#[async_trait]
impl Subject for SqliteSubject {
    async fn open(&self) -> Arc<dyn Store> {
        open(&self.file())
    }

    async fn open_backup(&self, file: &Path) -> Option<Arc<dyn Store>> {
        Some(open(file))
    }

    async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await;
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        connection.execute(statement).await.unwrap();
    }

    async fn hold_revocation(&self, jti: &str) -> Box<dyn HeldTransaction> {
        let mut connection = self.connect().await;
        let sql = format!(
            "BEGIN IMMEDIATE; \
             INSERT INTO revocations (kind, subject, expires_at) VALUES ('jti', '{jti}', 9000000000000)"
        );
        let statement = sqlx::raw_sql(AssertSqlSafe(sql));
        connection.execute(statement).await.unwrap();
        Box::new(Held(connection))
    }

    fn data(&self) -> OsString {
        self.file().into()
    }
}

struct Held(SqliteConnection);

#[async_trait]
impl HeldTransaction for Held {
    async fn commit(mut self: Box<Self>) {
        self.0.execute("COMMIT").await.unwrap();
        self.0.close().await.unwrap();
    }
}
