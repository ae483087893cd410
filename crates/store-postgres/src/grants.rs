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
    login::{self, GRANT, LOGIN},
    logout_delivery::IS_LAST_OF_SESSION,
    parse,
    revocation::GRANT_CREDENTIALS_EXPIRE_AT,
};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use crate::{PostgresStore, audit, clients, consents, logout_deliveries, query::RunQuery as _};

#[async_trait]
impl GrantStore for PostgresStore {
    async fn insert_grant(&self, grant: &NewGrant) -> Result<bool, StoreError> {
        let source = &grant.source;
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        // Until the commit: disabling the OAuth client finds this grant. A row lock that many hold at once would keep it waiting for ever.
        clients::lock_shared(&mut transaction, &grant.client).await?;
        if grant.consented.is_some() {
            // The consent refers to the account, which is locked before its logins by all others.
            sqlx::query("SELECT 1 FROM users WHERE id = (SELECT user_id FROM logins WHERE sid = $1) FOR KEY SHARE")
                .bind(grant.sid.to_string())
                .run(&mut *transaction)
                .await?;
        }
        // The row of the login is locked: its end finds this grant.
        let inserted = sqlx::query(
            "WITH login AS (SELECT sid FROM logins WHERE sid = $11 AND ended_at IS NULL FOR SHARE) \
             INSERT INTO grants (id, sid, client_id, scope, audience, jkt, generation, created_at, \
                                 refreshed_at, refresh_ip_address, refresh_user_agent, tokens_until) \
             SELECT $1, sid, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10 FROM login \
             WHERE EXISTS (SELECT 1 FROM clients WHERE id = $2 AND disabled_at IS NULL) \
             ON CONFLICT DO NOTHING",
        )
        .bind(grant.id.to_string())
        .bind(grant.client.as_str())
        .bind(grant.scopes.to_string())
        .bind(grant.audience.clone())
        .bind(grant.key.as_ref().map(ToString::to_string))
        .bind(Generation::FIRST.0)
        .bind(millis(grant.created_at))
        .bind(source.ip_address.map(|address| address.to_string()))
        .bind(source.user_agent.clone())
        .bind(grant.tokens_until.map(millis))
        .bind(grant.sid.to_string())
        .run(&mut *transaction)
        .await?;
        if inserted == 0 {
            return Ok(false);
        }
        if let Some(scopes) = &grant.consented {
            consents::upsert(grant, scopes)
                .run(&mut *transaction)
                .await?;
        }
        audit::commit(transaction, &grant.events).await?;
        Ok(true)
    }

    async fn grants_of_client(
        &self,
        sid: Sid,
        client: &ClientId,
    ) -> Result<Vec<GrantId>, StoreError> {
        let rows = sqlx::query(
            "SELECT id FROM grants WHERE sid = $1 AND client_id = $2 AND ended_at IS NULL ORDER BY refreshed_at DESC, id",
        )
        .bind(sid.to_string())
        .bind(client.as_str())
        .rows(&mut *self.connections.acquire().await?)
        .await?;
        rows.iter().map(|row| parse(row, "id")).collect()
    }

    async fn grant(&self, id: GrantId) -> Result<Option<(Grant, Login, User)>, StoreError> {
        let sql = format!(
            "SELECT {USER}, {GRANT}, {LOGIN} FROM grants \
             JOIN logins USING (sid) JOIN users ON users.id = logins.user_id {PASSWORD} \
             JOIN clients ON clients.id = grants.client_id WHERE grants.id = $1"
        );
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(id.to_string())
            .first_row(&mut *self.connections.acquire().await?)
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
        // The row of the login is locked first: an end that follows sees the time until which the new tokens are valid.
        // An earlier access token may expire last, after a leap of the clock or a change of the setting.
        let advance = sqlx::query(
            "WITH login AS (\
                 SELECT sid FROM logins WHERE sid = (SELECT sid FROM grants WHERE id = $6) \
                     AND ended_at IS NULL FOR NO KEY UPDATE) \
             UPDATE grants SET generation = $1, refreshed_at = $2, \
                               tokens_until = greatest(coalesce(tokens_until, 0), $3), \
                               refresh_ip_address = $4, refresh_user_agent = $5 \
             FROM login WHERE grants.sid = login.sid AND id = $6 AND generation = $7 AND ended_at IS NULL \
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
            "UPDATE logins SET last_seen_at = $1 WHERE sid = (SELECT sid FROM grants WHERE id = $2)",
        )
        .bind(millis(now))
        .bind(id.to_string());
        let advanced = self.change(advance, vec![last_seen], events).await?;
        Ok(advanced.is_some())
    }

    async fn end_grant(
        &self,
        id: GrantId,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        // The row of the login is locked: of two grants of a session that end at once, the second sees the end of the first.
        let ended = sqlx::query(
            "WITH login AS (\
                 SELECT sid FROM logins WHERE sid = (SELECT sid FROM grants WHERE id = $3) \
                     AND ended_at IS NULL FOR NO KEY UPDATE) \
             UPDATE grants SET ended_at = $1, end_reason = $2 FROM login \
             WHERE grants.sid = login.sid AND id = $3 AND id <> grants.sid AND ended_at IS NULL",
        )
        .bind(millis(now))
        .bind(end_reason(reason))
        .bind(id.to_string())
        .run(&mut *transaction)
        .await?;
        if ended == 0 {
            return Ok(false);
        }
        let is_ended = format!("grants.id = $2 AND ($4 OR {IS_LAST_OF_SESSION})");
        let session = logout_deliveries::insertion(&is_ended, 3);
        let sql = format!(
            "WITH session AS ({session}) INSERT INTO revocations (sequence, kind, subject, expires_at) \
             SELECT take_revocation_numbers(1), 'grant', id, {GRANT_CREDENTIALS_EXPIRE_AT} + $1 \
             FROM grants JOIN logins USING (sid) WHERE id = $2"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(revocation_margin())
            .bind(id.to_string())
            .bind(millis(now))
            .bind(reason.ends_session())
            .run(&mut *transaction)
            .await?;
        audit::commit(transaction, events).await?;
        Ok(true)
    }
}
