//! The stored checkpoint of the steady clock.

use async_trait::async_trait;
use holdfast_core::steady_clock::Checkpoint;
use holdfast_identity::store::{ClockStore, StoreError};
use holdfast_store_sql::{checkpoint::checkpoint, column::millis, time};
use time::OffsetDateTime;

use crate::{PostgresStore, query::RunQuery as _};

#[async_trait]
impl ClockStore for PostgresStore {
    async fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let kept = sqlx::query("SELECT steady_at, clock_at, apart_for FROM steady_time");
        if let Some(kept) = kept
            .first_row(&mut *self.connections.acquire().await?)
            .await?
        {
            return checkpoint(&kept).map(Some);
        }
        // Only a database that no service has used yet: it reads every login.
        let latest = sqlx::query(
            "SELECT max(at) AS steady_at, max(at) AS clock_at, 0::BIGINT AS apart_for FROM (\
                 SELECT max(last_seen_at) AS at FROM logins UNION ALL \
                 (SELECT at FROM audit_events ORDER BY id DESC LIMIT 1)) AS used \
             HAVING max(at) IS NOT NULL",
        );
        let found = latest
            .first_row(&mut *self.connections.acquire().await?)
            .await?;
        found.as_ref().map(checkpoint).transpose()
    }

    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Result<OffsetDateTime, StoreError> {
        let apart_for = i64::try_from(checkpoint.since_leap.as_millis()).unwrap_or(i64::MAX);
        let kept = sqlx::query(
            "INSERT INTO steady_time (steady_at, clock_at, apart_for) VALUES ($1, $2, $3) \
             ON CONFLICT (only_row) DO UPDATE SET clock_at = excluded.clock_at, \
                 apart_for = excluded.apart_for, \
                 steady_at = CASE WHEN steady_time.steady_at > excluded.clock_at THEN excluded.steady_at \
                                  ELSE greatest(steady_time.steady_at, excluded.steady_at) END \
             RETURNING steady_at",
        )
        .bind(millis(checkpoint.steady))
        .bind(millis(checkpoint.clock))
        .bind(apart_for)
        .only_row(&mut *self.connections.acquire().await?)
        .await?;
        time(&kept, "steady_at")
    }
}
