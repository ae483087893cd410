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
    key::signing_key,
};
use time::OffsetDateTime;

use crate::{SqliteStore, audit, query::RunQuery as _, revocations};

#[async_trait]
impl KeyStore for SqliteStore {
    async fn signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM signing_keys WHERE revoked_at IS NULL ORDER BY signs_from, kid",
        )
        .rows(&mut *self.read().await?)
        .await?;
        rows.iter().map(signing_key).collect()
    }

    async fn insert_signing_key(
        &self,
        key: &StoredSigningKey,
        latest: Option<OffsetDateTime>,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let algorithm = key.public_key.algorithm().as_str();
        let insert = sqlx::query(
            "INSERT INTO signing_keys \
                 (kid, algorithm, public_key, sealed_private_key, created_at, signs_from) \
             SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (\
                 SELECT 1 FROM signing_keys \
                 WHERE algorithm = ? AND revoked_at IS NULL AND signs_from > ?) RETURNING kid",
        )
        .bind(key.kid.clone())
        .bind(algorithm)
        .bind(public_key(&key.public_key))
        .bind(key.sealed_private_key.clone())
        .bind(millis(key.created_at))
        .bind(millis(key.signs_from))
        .bind(algorithm)
        .bind(latest.map_or(i64::MIN, millis));
        self.change(insert, events).await
    }

    async fn revoke_signing_key(
        &self,
        kid: &str,
        now: OffsetDateTime,
        tokens_expire_at: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let revoked = sqlx::query(
            "UPDATE signing_keys SET revoked_at = ? WHERE kid = ? AND revoked_at IS NULL",
        )
        .bind(millis(now))
        .bind(kid)
        .run(&mut transaction)
        .await?;
        if revoked == 0 {
            return Ok(false);
        }
        revocations::append(&mut transaction, "kid", kid, tokens_expire_at).await?;
        audit::commit(transaction, events).await?;
        Ok(true)
    }

    async fn remove_signing_key(&self, kid: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM signing_keys WHERE kid = ?")
            .bind(kid)
            .run(&mut *self.write().await?)
            .await?;
        Ok(())
    }

    async fn any_secret_key(&self) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let row = sqlx::query("SELECT name, sealed FROM secret_keys ORDER BY name LIMIT 1")
            .first_row(&mut *self.read().await?)
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
            "INSERT INTO secret_keys (name, sealed, created_at) VALUES (?, ?, ?) \
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(name)
        .bind(sealed)
        .bind(millis(now))
        .run(&mut *self.write().await?)
        .await?;
        let row = sqlx::query("SELECT sealed FROM secret_keys WHERE name = ?")
            .bind(name)
            .only_row(&mut *self.write().await?)
            .await?;
        Ok(row.bytes("sealed")?.to_vec())
    }
}
