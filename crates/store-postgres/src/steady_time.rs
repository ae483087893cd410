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
        let sql = "SELECT steady_at, clock_at, apart_for FROM (\
                       SELECT 0 AS place, steady_at, clock_at, apart_for FROM steady_time UNION ALL \
                       SELECT 1, max(at), max(at), 0 FROM (\
                           SELECT max(last_seen_at) AS at FROM logins UNION ALL \
                           (SELECT at FROM audit_events ORDER BY id DESC LIMIT 1)) AS used \
                       HAVING max(at) IS NOT NULL) AS known ORDER BY place LIMIT 1";
        let found = sqlx::query(sql).first_row(&self.pool).await?;
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
        .only_row(&self.pool)
        .await?;
        time(&kept, "steady_at")
    }
}
