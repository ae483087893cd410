//! The database as a whole.

use std::path::Path;

use async_trait::async_trait;
use holdfast_identity::store::{Maintenance, StoreError};
use holdfast_store_sql::{SqlRow as _, unavailable};

use crate::{PostgresStore, query::RunQuery as _};

#[async_trait]
impl Maintenance for PostgresStore {
    async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.connections.acquire().await?;
        sqlx::query("SELECT 1 FROM signing_keys LIMIT 1")
            .run(&mut *connection)
            .await?;
        // On a full disk and on a standby only reading succeeds. Another instance that writes the row at the same time is not waited for.
        sqlx::query(
            "UPDATE secret_keys SET name = name WHERE name = (\
                 SELECT name FROM secret_keys ORDER BY name LIMIT 1 FOR UPDATE SKIP LOCKED)",
        )
        .run(&mut *connection)
        .await?;
        Ok(())
    }

    async fn failover_loses_commits(&self) -> Result<bool, StoreError> {
        // Names and numbers of the connections of standbys are visible to every role, their state is not.
        let found = sqlx::query(
            "SELECT 1 FROM pg_stat_replication WHERE application_name <> 'pg_basebackup' \
             AND (current_setting('synchronous_standby_names') = '' OR current_setting('synchronous_commit') = 'local') LIMIT 1",
        );
        Ok(found
            .first_row(&mut *self.connections.acquire().await?)
            .await?
            .is_some())
    }

    async fn schema_version(&self) -> Result<i64, StoreError> {
        let latest = sqlx::query("SELECT max(version) AS version FROM _sqlx_migrations");
        latest
            .only_row(&mut *self.connections.acquire().await?)
            .await?
            .integer("version")
    }

    async fn back_up(&self, _: &Path) -> Result<(), StoreError> {
        Err(unavailable(
            "a PostgreSQL database is backed up by its own tools, such as pg_basebackup or pg_dump",
        ))
    }

    async fn close(&self) {
        self.connections.close().await;
    }
}
