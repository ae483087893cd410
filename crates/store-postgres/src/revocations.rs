//! The revocation log.

use async_trait::async_trait;
use holdfast_identity::{
    audit::AuditEvent,
    id::Jti,
    revocation::{Epoch, REVOCATION_MARGIN, Revocation},
    store::{RevocationLog, StoreError},
};
use holdfast_store_sql::{
    column::millis,
    revocation::{epoch, revocation},
    unavailable,
};
use time::OffsetDateTime;

use crate::{PostgresStore, query::RunQuery as _};

#[async_trait]
impl RevocationLog for PostgresStore {
    async fn epoch(&self, fresh: Epoch) -> Result<Epoch, StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("INSERT INTO epoch (id, begun_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(&fresh.id)
            .bind(millis(fresh.begun_at))
            .run(&mut *transaction)
            .await?;
        let row = sqlx::query("SELECT id, begun_at FROM epoch FOR SHARE")
            .only_row(&mut *transaction)
            .await?;
        transaction.commit().await.map_err(unavailable)?;
        epoch(&row)
    }

    async fn revocations_after(
        &self,
        sequence: i64,
        limit: u32,
    ) -> Result<Vec<Revocation>, StoreError> {
        let rows = sqlx::query(
            "SELECT sequence, kind, subject, expires_at FROM revocations \
             WHERE sequence > $1 ORDER BY sequence LIMIT $2",
        )
        .bind(sequence)
        .bind(i64::from(limit))
        .rows(&self.pool)
        .await?;
        rows.iter().map(revocation).collect()
    }

    async fn end_epoch(&self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM epoch").run(&self.pool).await?;
        Ok(())
    }

    async fn revoke_token(
        &self,
        jti: Jti,
        expires_at: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let append = sqlx::query(
            "WITH counter AS (UPDATE revocation_counter SET newest = newest + 1 RETURNING newest) \
             INSERT INTO revocations (sequence, kind, subject, expires_at) \
             SELECT newest, 'jti', $1, $2 FROM counter \
             ON CONFLICT (subject) WHERE kind = 'jti' DO NOTHING RETURNING sequence",
        )
        .bind(jti.to_string())
        .bind(millis(expires_at + REVOCATION_MARGIN));
        let appended = self.change(append, Vec::new(), events).await?;
        Ok(appended.is_some())
    }

    async fn is_revoked(&self, jti: Jti) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT 1 FROM revocations WHERE subject = $1 AND kind = 'jti'")
            .bind(jti.to_string())
            .first_row(&self.pool)
            .await?;
        Ok(found.is_some())
    }
}
