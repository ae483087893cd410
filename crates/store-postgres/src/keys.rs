//! Signing keys and secret keys, both sealed.

use async_trait::async_trait;
use holdfast_identity::{
    audit::AuditEvent,
    key::StoredSigningKey,
    store::{KeyStore, StoreError},
};
use holdfast_store_sql::{
    SqlRow as _,
    column::{millis, public_key},
    key::{SIGNING_KEY, signing_key},
};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use crate::{PostgresStore, audit, login_ends, query::RunQuery as _};

/// The advisory lock of insertions of signing keys.
const LOCK: i64 = i64::from_be_bytes(*b"hf_keys ");

#[async_trait]
impl KeyStore for PostgresStore {
    async fn signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        let rows = sqlx::query(
            AssertSqlSafe(format!(
                "SELECT {SIGNING_KEY} FROM signing_keys WHERE revoked_at IS NULL ORDER BY signs_from, kid"
            )),
        )
        .rows(&mut *self.connections.acquire().await?)
        .await?;
        rows.iter().map(signing_key).collect()
    }

    async fn insert_signing_key(
        &self,
        key: &StoredSigningKey,
        latest: Option<OffsetDateTime>,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        // Of instances that rotate at once, each sees the key of the one before it.
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .run(&mut *transaction)
            .await?;
        let algorithm = key.public_key.algorithm().as_str();
        let inserted = sqlx::query(
            "INSERT INTO signing_keys \
                 (kid, algorithm, public_key, sealed_private_key, created_at, signs_from) \
             SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (\
                 SELECT 1 FROM signing_keys \
                 WHERE algorithm = $2 AND revoked_at IS NULL AND signs_from > $7)",
        )
        .bind(&key.kid)
        .bind(algorithm)
        .bind(public_key(&key.public_key))
        .bind(&key.sealed_private_key)
        .bind(millis(key.created_at))
        .bind(millis(key.signs_from))
        .bind(latest.map_or(i64::MIN, millis))
        .run(&mut *transaction)
        .await?;
        if inserted == 0 {
            return Ok(false);
        }
        audit::commit(transaction, events).await?;
        Ok(true)
    }

    async fn revoke_signing_key(
        &self,
        kid: &str,
        now: OffsetDateTime,
        tokens_expire_at: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        let revoked = sqlx::query(
            "UPDATE signing_keys SET revoked_at = $1 WHERE kid = $2 AND revoked_at IS NULL",
        )
        .bind(millis(now))
        .bind(kid)
        .run(&mut *transaction)
        .await?;
        if revoked == 0 {
            return Ok(false);
        }
        login_ends::append(&mut transaction, "kid", kid, tokens_expire_at).await?;
        audit::commit(transaction, events).await?;
        Ok(true)
    }

    async fn remove_signing_key(&self, kid: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM signing_keys WHERE kid = $1")
            .bind(kid)
            .run(&mut *self.connections.acquire().await?)
            .await?;
        Ok(())
    }

    async fn any_secret_key(&self) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let row = sqlx::query("SELECT name, sealed FROM secret_keys ORDER BY name LIMIT 1")
            .first_row(&mut *self.connections.acquire().await?)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let name = row.text("name")?.to_owned();
        Ok(Some((name, row.bytes("sealed")?.to_vec())))
    }

    async fn secret_key_or(
        &self,
        name: &str,
        sealed: &[u8],
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, StoreError> {
        sqlx::query(
            "INSERT INTO secret_keys (name, sealed, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(name)
        .bind(sealed)
        .bind(millis(now))
        .run(&mut *self.connections.acquire().await?)
        .await?;
        let row = sqlx::query("SELECT sealed FROM secret_keys WHERE name = $1")
            .bind(name)
            .only_row(&mut *self.connections.acquire().await?)
            .await?;
        Ok(row.bytes("sealed")?.to_vec())
    }
}
