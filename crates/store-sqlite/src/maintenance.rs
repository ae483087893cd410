//! The database file as a whole.

use std::path::Path;

use async_trait::async_trait;
use holdfast_identity::store::{Maintenance, StoreError};

use holdfast_store_sql::SqlRow as _;

use crate::{SqliteStore, query::RunQuery as _};

#[async_trait]
impl Maintenance for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM signing_keys LIMIT 1")
            .run(&mut *self.read().await?)
            .await?;
        let write = sqlx::query("UPDATE secret_keys SET name = name");
        self.commit(write).await.map(drop)
    }

    async fn failover_loses_commits(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn schema_version(&self) -> Result<i64, StoreError> {
        let latest = sqlx::query("SELECT max(version) AS version FROM _sqlx_migrations");
        let row = latest.only_row(&mut *self.read().await?).await?;
        row.integer("version")
    }

    async fn back_up(&self, file: &Path) -> Result<(), StoreError> {
        self.write_backup(file).await
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
