//! Leases, by the clock of the server.

use std::time::Duration;

use async_trait::async_trait;
use holdfast_identity::store::{LeaseStore, StoreError};

use crate::{PostgresStore, query::RunQuery as _};

#[async_trait]
impl LeaseStore for PostgresStore {
    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        duration: Duration,
    ) -> Result<bool, StoreError> {
        let taken = sqlx::query(
            "INSERT INTO leases (name, holder, expires_at) \
             VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + $3) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at \
             WHERE leases.holder = excluded.holder \
                 OR leases.expires_at <= (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT",
        )
        .bind(name)
        .bind(holder)
        .bind(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2))
        .run(&mut *self.connections.acquire().await?)
        .await?;
        Ok(taken > 0)
    }

    async fn release_leases(&self, holder: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM leases WHERE holder = $1")
            .bind(holder)
            .run(&mut *self.connections.acquire().await?)
            .await?;
        Ok(())
    }
}
