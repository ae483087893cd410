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
    oauth_client::{
        CLIENT, PartyColumns, REVOKED_FOR, auth_columns, grant_types_text, oauth_client,
    },
};
use sqlx::{AssertSqlSafe, PgConnection, Postgres, postgres::PgArguments, query::Query};
use time::OffsetDateTime;

use crate::{
    PostgresStore, audit, login_ends,
    query::{RunQuery as _, long},
};

/// Distinguishes the advisory locks of OAuth clients from others.
const LOCK: i64 = i64::from_be_bytes(*b"hf_clien");

/// Keeps the OAuth client from being disabled until the end of the transaction.
pub(super) async fn lock_shared(
    connection: &mut PgConnection,
    id: &ClientId,
) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock_shared(hashtextextended($1, $2))")
        .bind(id.as_str())
        .bind(LOCK)
        .run(connection)
        .await?;
    Ok(())
}

/// Waits until no transaction has [`lock_shared`], and keeps others from taking it. Those that come later wait behind this.
async fn lock(connection: &mut PgConnection, id: &ClientId) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))")
        .bind(id.as_str())
        .bind(LOCK)
        .run(connection)
        .await?;
    Ok(())
}

/// What an OAuth client is registered with. [`bind`] has the values.
const REGISTRATION: &str = "secret_hash, jwk, scope, audiences, grant_types, dpop_required, \
     name, redirect_uris, post_logout_redirect_uris, id_token_algorithm, first_party, must_push, backchannel_logout_uri, sector";

type Statement<'q> = Query<'q, Postgres, PgArguments>;

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
impl ClientStore for PostgresStore {
    async fn insert_client(
        &self,
        client: &OauthClient,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let sql = format!(
            "INSERT INTO clients ({REGISTRATION}, id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT (id) DO NOTHING RETURNING id"
        );
        let insert = bind(sqlx::query(AssertSqlSafe(sql)), client)
            .bind(client.id.to_string())
            .bind(millis(client.created_at));
        let inserted = self.change(insert, Vec::new(), events).await?;
        Ok(inserted.is_some())
    }

    async fn replace_client(&self, client: &OauthClient) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE clients SET ({REGISTRATION}) = ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
             WHERE id = $15 AND disabled_at IS NULL AND NOT protected RETURNING id"
        );
        let update = bind(sqlx::query(AssertSqlSafe(sql)), client).bind(client.id.to_string());
        self.change(update, Vec::new(), &[]).await.map(drop)
    }

    async fn client(&self, id: &ClientId) -> Result<Option<OauthClient>, StoreError> {
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT {CLIENT} FROM clients WHERE id = $1"
        )))
        .bind(id.as_str())
        .first_row(&mut *self.connections.acquire().await?)
        .await?;
        row.as_ref().map(oauth_client).transpose()
    }

    async fn clients(&self) -> Result<Vec<OauthClient>, StoreError> {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {CLIENT} FROM clients ORDER BY id"
        )))
        .rows(&mut *self.connections.acquire().await?)
        .await?;
        rows.iter().map(oauth_client).collect()
    }

    async fn disable_client(
        &self,
        id: &ClientId,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Change, StoreError> {
        Box::pin(long(async {
            let mut connection = self.connections.acquire().await?;
            let mut transaction = connection.begin_long().await?;
            lock(&mut transaction, id).await?;
            let updated = sqlx::query(
                "UPDATE clients SET disabled_at = $1 WHERE id = $2 AND disabled_at IS NULL AND NOT protected",
            )
            .bind(millis(now))
            .bind(id.as_str())
            .run(&mut *transaction)
            .await?;
            if updated == 0 {
                let found = sqlx::query("SELECT 1 FROM clients WHERE id = $1")
                    .bind(id.as_str())
                    .first_row(&mut *transaction)
                    .await?;
                return Ok(found.map_or(Change::NotFound, |_| Change::AlreadyApplied));
            }
            sqlx::query(
                "UPDATE grants SET ended_at = $1, end_reason = $2 WHERE id IN (\
                     SELECT id FROM grants WHERE client_id = $3 AND ended_at IS NULL ORDER BY id FOR NO KEY UPDATE)",
            )
            .bind(millis(now))
            .bind(end_reason(EndReason::ClientDisabled))
            .bind(id.as_str())
            .run(&mut *transaction)
            .await?;
            let until = now + REVOKED_FOR;
            login_ends::append(&mut transaction, "client_id", id.as_str(), until).await?;
            audit::commit(transaction, events).await?;
            Ok(Change::Applied)
        }))
        .await
    }

    async fn set_client_secret(
        &self,
        id: &ClientId,
        hash: &[u8; 32],
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE clients SET secret_hash = $1 WHERE id = $2 RETURNING id")
            .bind(hash.as_slice())
            .bind(id.as_str());
        let updated = self.change(update, Vec::new(), events).await?;
        Ok(updated.is_some())
    }
}
