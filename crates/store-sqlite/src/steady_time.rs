//! The stored checkpoint of the steady clock.

use async_trait::async_trait;
use holdfast_core::steady_clock::Checkpoint;
use holdfast_identity::store::{ClockStore, StoreError};
use holdfast_store_sql::{checkpoint::checkpoint, column::millis, time};
use time::OffsetDateTime;

use crate::{SqliteStore, query::RunQuery as _};

#[async_trait]
impl ClockStore for SqliteStore {
    async fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let sql = "SELECT steady_at, clock_at, apart_for FROM steady_time UNION ALL \
                   SELECT max(at), max(at), 0 FROM (\
                       SELECT max(last_seen_at) AS at FROM logins UNION ALL \
                       SELECT at FROM (SELECT at FROM audit_events ORDER BY id DESC LIMIT 1)) \
                   HAVING max(at) IS NOT NULL LIMIT 1";
        let found = sqlx::query(sql).first_row(&mut *self.read().await?).await?;
        found.as_ref().map(checkpoint).transpose()
    }

    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Result<OffsetDateTime, StoreError> {
        let apart_for = i64::try_from(checkpoint.since_leap.as_millis()).unwrap_or(i64::MAX);
        let kept = sqlx::query(
            "INSERT INTO steady_time (only_row, steady_at, clock_at, apart_for) VALUES (1, ?, ?, ?) \
             ON CONFLICT DO UPDATE SET clock_at = excluded.clock_at, \
                 apart_for = excluded.apart_for, steady_at = CASE WHEN steady_at > excluded.clock_at THEN excluded.steady_at \
                                  ELSE max(steady_at, excluded.steady_at) END \
             RETURNING steady_at",
        )
        .bind(millis(checkpoint.steady))
        .bind(millis(checkpoint.clock))
        .bind(apart_for)
        .only_row(&mut *self.write().await?)
        .await?;
        time(&kept, "steady_at")
    }
}
