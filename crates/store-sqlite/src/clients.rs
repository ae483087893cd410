//! OAuth clients.

use async_trait::async_trait;
use holdfast_identity::{
    audit::AuditEvent,
    login::EndReason,
    oauth::{ClientId, OauthClient},
    store::{Change, ClientStore, StoreError},
};
use holdfast_store_sql::{
    column::{end_reason, millis},
    oauth_client::{PartyColumns, REVOKED_FOR, auth_columns, grant_types_text, oauth_client},
};
use sqlx::{AssertSqlSafe, Sqlite, query::Query, sqlite::SqliteArguments};
use time::OffsetDateTime;

use crate::{SqliteStore, audit, query::RunQuery as _, revocations};

/// What an OAuth client is registered with. [`bind`] has the values.
const REGISTRATION: &str = "secret_hash, jwk, scope, audiences, grant_types, dpop_required, \
     name, redirect_uris, post_logout_redirect_uris, id_token_algorithm, first_party, must_push, backchannel_logout_uri, sector";

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

fn bind<'q>(statement: Statement<'q>, client: &OauthClient) -> Statement<'q> {
    let (hash, jwk) = auth_columns(&client.auth_method);
    let party = PartyColumns::of(client);
    statement
        .bind(hash)
        .bind(jwk)
        .bind(client.scopes.to_string())
        .bind(client.audiences.join(" "))
        .bind(grant_types_text(&client.grant_types))
        .bind(client.dpop_required)
        .bind(party.name)
        .bind(party.redirect_uris)
        .bind(party.post_logout_redirect_uris)
        .bind(party.id_token_algorithm)
        .bind(party.first_party)
        .bind(party.must_push)
        .bind(party.backchannel_logout_uri)
        .bind(party.sector)
}

#[async_trait]
impl ClientStore for SqliteStore {
    async fn insert_client(
        &self,
        client: &OauthClient,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let sql = format!(
            "INSERT INTO clients ({REGISTRATION}, id, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING id"
        );
        let insert = bind(sqlx::query(AssertSqlSafe(sql)), client)
            .bind(client.id.to_string())
            .bind(millis(client.created_at));
        self.change(insert, events).await
    }

    async fn replace_client(&self, client: &OauthClient) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE clients SET ({REGISTRATION}) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             WHERE id = ? AND disabled_at IS NULL AND protected = 0 RETURNING id"
        );
        let update = bind(sqlx::query(AssertSqlSafe(sql)), client).bind(client.id.to_string());
        self.change(update, &[]).await.map(drop)
    }

    async fn client(&self, id: &ClientId) -> Result<Option<OauthClient>, StoreError> {
        let row = sqlx::query("SELECT * FROM clients WHERE id = ?")
            .bind(id.as_str())
            .first_row(&mut *self.read().await?)
            .await?;
        row.as_ref().map(oauth_client).transpose()
    }

    async fn clients(&self) -> Result<Vec<OauthClient>, StoreError> {
        let rows = sqlx::query("SELECT * FROM clients ORDER BY id")
            .rows(&mut *self.read().await?)
            .await?;
        rows.iter().map(oauth_client).collect()
    }

    async fn disable_client(
        &self,
        id: &ClientId,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Change, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let updated =
            sqlx::query("UPDATE clients SET disabled_at = ? WHERE id = ? AND disabled_at IS NULL AND protected = 0")
                .bind(millis(now))
                .bind(id.as_str())
                .run(&mut transaction)
                .await?;
        if updated == 0 {
            let found = sqlx::query("SELECT 1 FROM clients WHERE id = ?")
                .bind(id.as_str())
                .first_row(&mut transaction)
                .await?;
            return Ok(found.map_or(Change::NotFound, |_| Change::AlreadyApplied));
        }
        sqlx::query(
            "UPDATE grants SET ended_at = ?, end_reason = ? WHERE client_id = ? AND ended_at IS NULL",
        )
        .bind(millis(now))
        .bind(end_reason(EndReason::ClientDisabled))
        .bind(id.as_str())
        .run(&mut transaction)
        .await?;
        revocations::append(
            &mut transaction,
            "client_id",
            id.as_str(),
            now + REVOKED_FOR,
        )
        .await?;
        audit::commit(transaction, events).await?;
        Ok(Change::Applied)
    }

    async fn set_client_secret(
        &self,
        id: &ClientId,
        hash: &[u8; 32],
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE clients SET secret_hash = ? WHERE id = ? RETURNING id")
            .bind(hash.to_vec())
            .bind(id.to_string());
        self.change(update, events).await
    }
}
