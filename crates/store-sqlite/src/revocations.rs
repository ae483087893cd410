//! The revocation log, and the end of logins, which appends to it.

use async_trait::async_trait;
use holdfast_identity::{
    audit::AuditEvent,
    id::{Jti, Sid},
    login::EndReason,
    revocation::{Epoch, REVOCATION_MARGIN, Revocation},
    store::{RevocationLog, RevocationPage, StoreError},
};
use holdfast_store_sql::{
    column::{end_reason, millis, revocation_margin},
    login_filter::LoginFilter,
    revocation::{LOGIN_CREDENTIALS_EXPIRE_AT, epoch, revocation, subject},
    unavailable,
};
use sqlx::{Sqlite, Transaction};
use time::OffsetDateTime;

use crate::{SqliteStore, audit, logout_deliveries, query::RunQuery as _, signals};

/// An SQL condition and its arguments.
fn condition(filter: &LoginFilter) -> (String, Vec<String>) {
    let (condition, values) = match filter {
        LoginFilter::These(sids) => {
            let places = vec!["?"; sids.len()].join(", ");
            let values = sids.iter().map(Sid::to_string).collect();
            return (format!("sid IN ({places})"), values);
        }
        LoginFilter::OneOf(user, sid) => (
            "user_id = ? AND sid = ?",
            vec![user.to_string(), sid.to_string()],
        ),
        LoginFilter::AllOf(user) => ("user_id = ?", vec![user.to_string()]),
        LoginFilter::AllOfBut(user, sid) => (
            "user_id = ? AND sid <> ?",
            vec![user.to_string(), sid.to_string()],
        ),
        LoginFilter::All => ("TRUE", Vec::new()),
    };
    (condition.to_owned(), values)
}

/// Appends an entry to the revocation log, which may be deleted after `expires_at`.
pub(super) async fn append(
    transaction: &mut Transaction<'_, Sqlite>,
    kind: &str,
    subject: &str,
    expires_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO revocations (kind, subject, expires_at) VALUES (?, ?, ?)")
        .bind(kind)
        .bind(subject)
        .bind(millis(expires_at))
        .run(transaction)
        .await?;
    Ok(())
}

/// Ends logins, appends each to the revocation log, and stores the ends of the sessions of relying parties; returns their number. A login whose ticket was never exchanged is not appended, as
/// it has no other credential and the ticket requires the row. Expired logins end, too: after a leap of the clock they may be valid again.
pub(super) async fn end_logins(
    transaction: &mut Transaction<'_, Sqlite>,
    filter: &LoginFilter,
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<u64, StoreError> {
    let (condition, values) = condition(filter);
    let live = format!("ended_at IS NULL AND {condition}");
    let sql = format!(
        "INSERT INTO revocations (kind, subject, expires_at) \
         SELECT 'sid', sid, {LOGIN_CREDENTIALS_EXPIRE_AT} + ? FROM logins WHERE {live} \
             AND EXISTS (SELECT 1 FROM grants WHERE grants.sid = logins.sid) ORDER BY created_at, sid"
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(revocation_margin());
    for value in &values {
        query = query.bind(value);
    }
    query.run(transaction).await?;
    logout_deliveries::insert_of_logins(transaction, (&condition, &values), now).await?;
    signals::insert_of_logins(transaction, (&condition, &values), reason, now).await?;
    let sql = format!("UPDATE logins SET ended_at = ?, end_reason = ? WHERE {live}");
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(millis(now))
        .bind(end_reason(reason));
    for value in &values {
        query = query.bind(value);
    }
    let ended = query.run(transaction).await?;
    Ok(ended)
}

impl SqliteStore {
    /// Ends logins in a separate transaction, with these events if there was one; returns their number.
    pub(super) async fn end(
        &self,
        filter: LoginFilter,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<u64, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let ended = end_logins(&mut transaction, &filter, reason, now).await?;
        if ended > 0 {
            audit::commit(transaction, events).await?;
        }
        Ok(ended)
    }
}

#[async_trait]
impl RevocationLog for SqliteStore {
    async fn epoch(&self, fresh: Epoch) -> Result<Epoch, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        sqlx::query(
            "INSERT INTO epoch (id, begun_at) SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM epoch)",
        )
        .bind(&fresh.id)
        .bind(millis(fresh.begun_at))
        .run(&mut transaction)
        .await?;
        let row = sqlx::query("SELECT id, begun_at FROM epoch")
            .only_row(&mut transaction)
            .await?;
        transaction.commit().await.map_err(unavailable)?;
        epoch(&row)
    }

    async fn revocations_after(
        &self,
        sequence: i64,
        limit: u32,
    ) -> Result<RevocationPage, StoreError> {
        let rows = sqlx::query(
            "SELECT sequence, kind, subject, expires_at FROM revocations \
             WHERE sequence > ? ORDER BY sequence LIMIT ?",
        )
        .bind(sequence)
        .bind(limit)
        .rows(&mut *self.read().await?)
        .await?;
        let entries = rows.iter().map(revocation).collect::<Result<_, _>>()?;
        Ok(RevocationPage {
            entries,
            timeline: 0,
        })
    }

    async fn end_epoch(&self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM epoch")
            .run(&mut *self.write().await?)
            .await?;
        Ok(())
    }

    async fn missing_revocations(
        &self,
        entries: &[Revocation],
    ) -> Result<Vec<Revocation>, StoreError> {
        let mut reader = self.read().await?;
        let mut missing = Vec::new();
        for entry in entries {
            let found = sqlx::query("SELECT 1 FROM revocations WHERE sequence = ?")
                .bind(entry.sequence)
                .first_row(&mut reader)
                .await?;
            if found.is_none() {
                missing.push(entry.clone());
            }
        }
        Ok(missing)
    }

    async fn append_again(&self, entries: &[Revocation]) -> Result<u64, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let mut appended = 0;
        for entry in entries {
            let (kind, subject) = subject(&entry.revoked);
            appended += sqlx::query(
                "INSERT INTO revocations (kind, subject, expires_at) SELECT ?1, ?2, ?3 \
                 WHERE NOT EXISTS (SELECT 1 FROM revocations WHERE kind = ?1 AND subject = ?2 \
                     AND (kind = 'jti' OR sequence > ?4 AND expires_at >= ?3))",
            )
            .bind(kind)
            .bind(subject)
            .bind(millis(entry.expires_at))
            .bind(entry.sequence)
            .run(&mut transaction)
            .await?;
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(appended)
    }

    async fn revoke_token(
        &self,
        jti: Jti,
        expires_at: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let append = sqlx::query(
            "INSERT INTO revocations (kind, subject, expires_at) SELECT 'jti', ?1, ?2 \
             WHERE NOT EXISTS (SELECT 1 FROM revocations WHERE kind = 'jti' AND subject = ?1) \
             RETURNING sequence",
        )
        .bind(jti.to_string())
        .bind(millis(expires_at + REVOCATION_MARGIN));
        self.change(append, events).await
    }

    async fn is_revoked(&self, jti: Jti) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT 1 FROM revocations WHERE subject = ? AND kind = 'jti'")
            .bind(jti.to_string())
            .first_row(&mut *self.read().await?)
            .await?;
        Ok(found.is_some())
    }
}
