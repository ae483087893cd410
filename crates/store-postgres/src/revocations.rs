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
};
use time::OffsetDateTime;

use crate::{PostgresStore, query::RunQuery as _};

#[async_trait]
impl RevocationLog for PostgresStore {
    async fn epoch(&self, fresh: Epoch) -> Result<Epoch, StoreError> {
        let row = sqlx::query(
            "INSERT INTO epoch (id, begun_at) VALUES ($1, $2) \
             ON CONFLICT (only_row) DO UPDATE SET only_row = TRUE RETURNING id, begun_at",
        )
        .bind(&fresh.id)
        .bind(millis(fresh.begun_at))
        .only_row(&self.pool)
        .await?;
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
            "INSERT INTO revocations (sequence, kind, subject, expires_at) \
             VALUES (take_revocation_numbers(1), 'jti', $1, $2) \
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
