//! The revocation log.

use std::collections::HashSet;

use async_trait::async_trait;
use holdfast_identity::{
    audit::AuditEvent,
    id::Jti,
    revocation::{Epoch, REVOCATION_MARGIN, Revocation},
    store::{RevocationLog, RevocationPage, StoreError},
};
use holdfast_store_sql::{
    SqlRow as _,
    column::millis,
    revocation::{epoch, revocation, subject},
};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use crate::{
    PostgresStore,
    query::{RunQuery as _, answer},
    server::TIMELINE,
};

#[async_trait]
impl RevocationLog for PostgresStore {
    async fn epoch(&self, fresh: Epoch) -> Result<Epoch, StoreError> {
        let row = sqlx::query(
            "INSERT INTO epoch (id, begun_at) VALUES ($1, $2) \
             ON CONFLICT (only_row) DO UPDATE SET only_row = TRUE RETURNING id, begun_at",
        )
        .bind(&fresh.id)
        .bind(millis(fresh.begun_at))
        .only_row(&mut *self.connections.acquire().await?)
        .await?;
        epoch(&row)
    }

    async fn revocations_after(
        &self,
        sequence: i64,
        limit: u32,
    ) -> Result<RevocationPage, StoreError> {
        // At least one row, of the server that has the entries.
        let sql = format!(
            "SELECT timeline, sequence, kind, subject, expires_at FROM (SELECT {TIMELINE} AS timeline) AS server \
             LEFT JOIN (\
                 SELECT sequence, kind, subject, expires_at FROM revocations WHERE sequence > $1 ORDER BY sequence LIMIT $2) AS log ON TRUE \
             ORDER BY sequence"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(sequence)
            .bind(i64::from(limit))
            .rows(&mut *self.connections.acquire().await?)
            .await?;
        let timeline = rows.first().map_or(Ok(0), |row| row.integer("timeline"))?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            if row.optional_integer("sequence")?.is_some() {
                entries.push(revocation(row)?);
            }
        }
        Ok(RevocationPage { entries, timeline })
    }

    async fn end_epoch(&self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM epoch")
            .run(&mut *self.connections.acquire().await?)
            .await?;
        Ok(())
    }

    async fn missing_revocations(
        &self,
        entries: &[Revocation],
    ) -> Result<Vec<Revocation>, StoreError> {
        let numbers: Vec<_> = entries.iter().map(|entry| entry.sequence).collect();
        let found = sqlx::query("SELECT sequence FROM revocations WHERE sequence = ANY($1)")
            .bind(&numbers)
            .rows(&mut *self.connections.acquire().await?)
            .await?;
        let found = found.iter().map(|row| row.integer("sequence"));
        let found: HashSet<_> = found.collect::<Result<_, _>>()?;
        let missing = entries
            .iter()
            .filter(|entry| !found.contains(&entry.sequence));
        Ok(missing.cloned().collect())
    }

    async fn append_again(&self, entries: &[Revocation]) -> Result<u64, StoreError> {
        let columns = entries.iter().map(|entry| {
            let (kind, subject) = subject(&entry.revoked);
            (kind, (subject, (entry.sequence, millis(entry.expires_at))))
        });
        let (kinds, (subjects, (numbers, expiries))): (Vec<_>, (Vec<_>, (Vec<_>, Vec<_>))) =
            columns.unzip();
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        // Until the commit: another instance sees what this one appends.
        sqlx::query("SELECT newest FROM revocation_counter FOR UPDATE")
            .run(&mut *transaction)
            .await?;
        let appended = sqlx::query(
            "WITH lost AS MATERIALIZED (\
                 SELECT kind, subject, until, row_number() OVER (ORDER BY number) AS place \
                 FROM unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::BIGINT[]) AS entry (kind, subject, number, until) \
                 WHERE NOT EXISTS (\
                     SELECT 1 FROM revocations \
                     WHERE revocations.kind = entry.kind AND revocations.subject = entry.subject \
                         AND (entry.kind = 'jti' OR sequence > entry.number AND expires_at >= entry.until))), \
             total AS MATERIALIZED (SELECT count(*) AS entries FROM lost), \
             numbers AS MATERIALIZED (SELECT take_revocation_numbers(entries) - entries AS before FROM total WHERE entries > 0) \
             INSERT INTO revocations (sequence, kind, subject, expires_at) \
             SELECT before + place, kind, subject, until FROM lost, numbers \
             ON CONFLICT (subject) WHERE kind = 'jti' DO NOTHING",
        )
        .bind(kinds)
        .bind(subjects)
        .bind(numbers)
        .bind(expiries)
        .run(&mut *transaction)
        .await?;
        answer(transaction.commit()).await?;
        Ok(appended)
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
            .first_row(&mut *self.connections.acquire().await?)
            .await?;
        Ok(found.is_some())
    }
}
