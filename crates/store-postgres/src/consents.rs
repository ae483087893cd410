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
    SqlRow as _,
    column::{end_reason, millis, revocation_margin},
    consent::{CONSENT, consent},
    revocation::GRANT_CREDENTIALS_EXPIRE_AT,
};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use crate::{
    PostgresStore, audit, logout_deliveries,
    query::{RunQuery as _, Statement, long},
};

/// Stores the consent to `scopes` that a grant is for.
pub(super) fn upsert(grant: &NewGrant, scopes: &Scopes) -> Statement<'static> {
    sqlx::query(
        "INSERT INTO consents (user_id, client_id, scope, granted_at, last_used_at) \
         SELECT user_id, $1, $2, $3, $3 FROM logins WHERE sid = $4 \
         ON CONFLICT (user_id, client_id) DO UPDATE SET scope = excluded.scope, last_used_at = excluded.last_used_at",
    )
    .bind(grant.client.to_string())
    .bind(scopes.to_string())
    .bind(millis(grant.created_at))
    .bind(grant.sid.to_string())
}

#[async_trait]
impl ConsentStore for PostgresStore {
    async fn consent(
        &self,
        user: UserId,
        client: &ClientId,
    ) -> Result<Option<Consent>, StoreError> {
        let sql = format!(
            "SELECT {CONSENT} FROM consents JOIN clients ON clients.id = consents.client_id \
             WHERE consents.user_id = $1 AND consents.client_id = $2"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .bind(client.as_str())
            .first_row(&mut *self.connections.acquire().await?)
            .await?;
        row.as_ref().map(consent).transpose()
    }

    async fn consents_of(&self, user: UserId) -> Result<Vec<Consent>, StoreError> {
        let sql = format!(
            "SELECT {CONSENT} FROM consents JOIN clients ON clients.id = consents.client_id \
             WHERE consents.user_id = $1 ORDER BY used_at DESC, consents.client_id"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .rows(&mut *self.connections.acquire().await?)
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
        Box::pin(long(async {
            let mut connection = self.connections.acquire().await?;
            let mut transaction = connection.begin_long().await?;
            // The rows of the logins are locked first, as by a new grant, and in one order: no grant of them begins or is refreshed meanwhile.
            sqlx::query("SELECT sid FROM logins WHERE user_id = $1 AND ended_at IS NULL ORDER BY sid FOR NO KEY UPDATE")
                .bind(user.to_string())
                .run(&mut *transaction)
                .await?;
            let ended = sqlx::query(
                "UPDATE grants SET ended_at = $1, end_reason = $2 WHERE id IN (\
                     SELECT grants.id FROM grants JOIN logins USING (sid) \
                     WHERE logins.user_id = $3 AND logins.ended_at IS NULL AND grants.client_id = $4 \
                         AND grants.ended_at IS NULL AND grants.id <> grants.sid ORDER BY grants.id FOR NO KEY UPDATE OF grants) \
                 RETURNING id",
            )
            .bind(millis(now))
            .bind(end_reason(reason))
            .bind(user.to_string())
            .bind(client.as_str())
            .rows(&mut *transaction)
            .await?;
            let deleted = sqlx::query("DELETE FROM consents WHERE user_id = $1 AND client_id = $2")
                .bind(user.to_string())
                .bind(client.as_str())
                .run(&mut *transaction)
                .await?;
            if deleted == 0 {
                return Ok(false);
            }
            let ids = ended.iter().map(|grant| grant.text("id").map(str::to_owned));
            let ids: Vec<String> = ids.collect::<Result<_, _>>()?;
            logout_deliveries::insert_of_grants(&mut transaction, &ids, now).await?;
            for id in ids {
                let sql = format!(
                    "INSERT INTO revocations (sequence, kind, subject, expires_at) \
                     SELECT take_revocation_numbers(1), 'grant', id, {GRANT_CREDENTIALS_EXPIRE_AT} + $1 \
                     FROM grants JOIN logins USING (sid) WHERE id = $2"
                );
                sqlx::query(AssertSqlSafe(sql))
                    .bind(revocation_margin())
                    .bind(id)
                    .run(&mut *transaction)
                    .await?;
            }
            audit::commit(transaction, events).await?;
            Ok(true)
        }))
        .await
    }
}
