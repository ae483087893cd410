//! Grants.

use async_trait::async_trait;
use holdfast_identity::{
    account::User,
    audit::AuditEvent,
    id::{GrantId, Sid},
    login::{EndReason, Generation, Grant, Login, NewGrant, Rotation},
    oauth::ClientId,
    store::{GrantStore, StoreError},
};
use holdfast_store_sql::{
    account::{self, PASSWORD, USER},
    column::{end_reason, millis, revocation_margin},
    login::{self, GRANT},
    parse,
    revocation::GRANT_CREDENTIALS_EXPIRE_AT,
};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use crate::{
    SqliteStore, audit, consents, group_commit::Write, logout_deliveries, query::RunQuery as _,
};

/// The live grants of an OAuth client in a login.
const GRANTS_OF_CLIENT: &str = "SELECT id FROM grants WHERE sid = ? AND client_id = ? AND ended_at IS NULL ORDER BY refreshed_at DESC, id";

#[async_trait]
impl GrantStore for SqliteStore {
    async fn insert_grant(&self, grant: &NewGrant) -> Result<bool, StoreError> {
        let source = &grant.source;
        let insert = sqlx::query(
            "INSERT INTO grants (id, sid, client_id, scope, audience, jkt, generation, created_at, \
                                 refreshed_at, refresh_ip_address, refresh_user_agent, tokens_until) \
             SELECT ?1, sid, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10 FROM logins \
             WHERE sid = ?11 AND ended_at IS NULL \
                 AND EXISTS (SELECT 1 FROM clients WHERE id = ?2 AND disabled_at IS NULL) \
             ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(grant.id.to_string())
        .bind(grant.client.to_string())
        .bind(grant.scopes.to_string())
        .bind(grant.audience.clone())
        .bind(grant.key.as_ref().map(ToString::to_string))
        .bind(Generation::FIRST.0)
        .bind(millis(grant.created_at))
        .bind(source.ip_address.map(|address| address.to_string()))
        .bind(source.user_agent.clone())
        .bind(grant.tokens_until.map(millis))
        .bind(grant.sid.to_string());
        let mut write = Write::from(insert);
        if let Some(scopes) = &grant.consented {
            write = write.then(consents::upsert(grant, scopes));
        }
        self.change(write, &grant.events).await
    }

    async fn grants_of_client(
        &self,
        sid: Sid,
        client: &ClientId,
    ) -> Result<Vec<GrantId>, StoreError> {
        let rows = sqlx::query(GRANTS_OF_CLIENT)
            .bind(sid.to_string())
            .bind(client.as_str())
            .rows(&mut *self.read().await?)
            .await?;
        rows.iter().map(|row| parse(row, "id")).collect()
    }

    async fn grant(&self, id: GrantId) -> Result<Option<(Grant, Login, User)>, StoreError> {
        let sql = format!(
            "SELECT {USER}, {GRANT}, logins.* FROM grants \
             JOIN logins USING (sid) JOIN users ON users.id = logins.user_id {PASSWORD} \
             JOIN clients ON clients.id = grants.client_id WHERE grants.id = ?"
        );
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(id.to_string())
            .first_row(&mut *self.read().await?)
            .await?;
        let Some(found) = found else { return Ok(None) };
        Ok(Some((
            login::grant(&found)?,
            login::login(&found)?,
            account::user(&found)?,
        )))
    }

    async fn advance(
        &self,
        (id, from): (GrantId, Generation),
        rotation: &Rotation<'_>,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        // An earlier access token may expire last, after a leap of the clock or a change of the setting.
        let advance = sqlx::query(
            "UPDATE grants SET generation = ?, refreshed_at = ?, \
                               tokens_until = max(coalesce(tokens_until, 0), ?), \
                               refresh_ip_address = ?, refresh_user_agent = ? \
             WHERE id = ? AND generation = ? AND ended_at IS NULL AND EXISTS (\
                 SELECT 1 FROM logins WHERE logins.sid = grants.sid AND logins.ended_at IS NULL) \
             RETURNING id",
        )
        .bind(rotation.to.0)
        .bind(millis(now))
        .bind(millis(rotation.tokens_until))
        .bind(
            rotation
                .client
                .ip_address
                .map(|address| address.to_string()),
        )
        .bind(rotation.client.user_agent.clone())
        .bind(id.to_string())
        .bind(from.0);
        let last_seen = sqlx::query(
            "UPDATE logins SET last_seen_at = ? WHERE sid = (SELECT sid FROM grants WHERE id = ?)",
        )
        .bind(millis(now))
        .bind(id.to_string());
        self.change(Write::from(advance).then(last_seen), events)
            .await
    }

    async fn end_grant(
        &self,
        id: GrantId,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        logout_deliveries::insert_of_grant(&mut transaction, id, reason, now).await?;
        let ended = sqlx::query(
            "UPDATE grants SET ended_at = ?, end_reason = ? \
             WHERE id = ? AND id <> sid AND ended_at IS NULL AND EXISTS (\
                 SELECT 1 FROM logins WHERE logins.sid = grants.sid AND logins.ended_at IS NULL)",
        )
        .bind(millis(now))
        .bind(end_reason(reason))
        .bind(id.to_string())
        .run(&mut transaction)
        .await?;
        if ended == 0 {
            return Ok(false);
        }
        sqlx::query(AssertSqlSafe(format!(
            "INSERT INTO revocations (kind, subject, expires_at) \
                 SELECT 'grant', id, {GRANT_CREDENTIALS_EXPIRE_AT} + ? \
                 FROM grants JOIN logins USING (sid) WHERE id = ?"
        )))
        .bind(revocation_margin())
        .bind(id.to_string())
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
    async fn grants_of_client_are_read_by_login() {
        assert_reads_grants_by_login(GRANTS_OF_CLIENT).await;
    }
}
