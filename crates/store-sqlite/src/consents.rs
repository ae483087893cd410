//! Consents.

use async_trait::async_trait;
use holdfast_identity::{
    audit::AuditEvent,
    id::UserId,
    login::{EndReason, NewGrant},
    oauth::{ClientId, Consent},
    store::{ConsentStore, StoreError},
    token::Scopes,
};
use holdfast_store_sql::{
    column::{end_reason, millis, revocation_margin},
    consent::{CONSENT, consent},
    revocation::GRANT_CREDENTIALS_EXPIRE_AT,
};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use crate::{SqliteStore, audit, group_commit::Statement, logout_deliveries, query::RunQuery as _};

/// Stores the consent to `scopes` that a grant is for.
pub(super) fn upsert(grant: &NewGrant, scopes: &Scopes) -> Statement {
    sqlx::query(
        "INSERT INTO consents (user_id, client_id, scope, granted_at, last_used_at) \
         SELECT user_id, ?1, ?2, ?3, ?3 FROM logins WHERE sid = ?4 \
         ON CONFLICT (user_id, client_id) DO UPDATE SET scope = excluded.scope, last_used_at = excluded.last_used_at",
    )
    .bind(grant.client.to_string())
    .bind(scopes.to_string())
    .bind(millis(grant.created_at))
    .bind(grant.sid.to_string())
}

#[async_trait]
impl ConsentStore for SqliteStore {
    async fn consent(
        &self,
        user: UserId,
        client: &ClientId,
    ) -> Result<Option<Consent>, StoreError> {
        let sql = format!(
            "SELECT {CONSENT} FROM consents JOIN clients ON clients.id = consents.client_id \
             WHERE consents.user_id = ? AND consents.client_id = ?"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .bind(client.as_str())
            .first_row(&mut *self.read().await?)
            .await?;
        row.as_ref().map(consent).transpose()
    }

    async fn consents_of(&self, user: UserId) -> Result<Vec<Consent>, StoreError> {
        let sql = format!(
            "SELECT {CONSENT} FROM consents JOIN clients ON clients.id = consents.client_id \
             WHERE consents.user_id = ? ORDER BY used_at DESC, consents.client_id"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .rows(&mut *self.read().await?)
            .await?;
        rows.iter().map(consent).collect()
    }

    async fn end_consent(
        &self,
        user: UserId,
        client: &ClientId,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        const LIVE: &str = "grants.client_id = ?2 AND grants.ended_at IS NULL AND grants.id <> grants.sid \
             AND grants.sid IN (SELECT sid FROM logins WHERE user_id = ?1 AND ended_at IS NULL)";
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let deleted = sqlx::query("DELETE FROM consents WHERE user_id = ?1 AND client_id = ?2")
            .bind(user.to_string())
            .bind(client.as_str())
            .run(&mut transaction)
            .await?;
        if deleted == 0 {
            return Ok(false);
        }
        logout_deliveries::insert_of_consent(&mut transaction, user, client, now).await?;
        let append = format!(
            "INSERT INTO revocations (kind, subject, expires_at) \
             SELECT 'grant', grants.id, {GRANT_CREDENTIALS_EXPIRE_AT} + ?3 \
             FROM grants JOIN logins USING (sid) WHERE {LIVE} ORDER BY grants.created_at, grants.id"
        );
        sqlx::query(AssertSqlSafe(append))
            .bind(user.to_string())
            .bind(client.as_str())
            .bind(revocation_margin())
            .run(&mut transaction)
            .await?;
        let end = format!("UPDATE grants SET ended_at = ?3, end_reason = ?4 WHERE {LIVE}");
        sqlx::query(AssertSqlSafe(end))
            .bind(user.to_string())
            .bind(client.as_str())
            .bind(millis(now))
            .bind(end_reason(reason))
            .run(&mut transaction)
            .await?;
        audit::commit(transaction, events).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::assert_reads_grants_by_login;

    #[tokio::test]
    async fn last_use_is_read_by_login() {
        let sql = format!(
            "SELECT {CONSENT} FROM consents JOIN clients ON clients.id = consents.client_id WHERE consents.user_id = ?"
        );
        assert_reads_grants_by_login(&sql).await;
    }
}
