//! Sealed keys.

use holdfast_identity::{
    key::{Algorithm, PublicKey, StoredSigningKey},
    store::StoreError,
};
use sqlx::{Row as _, sqlite::SqliteRow};
use time::OffsetDateTime;

use crate::{
    SqliteStore,
    row::{self, millis},
    unavailable,
};

impl SqliteStore {
    /// All signing keys that were not revoked, in the order in which they sign.
    ///
    /// # Errors
    /// When the database fails or holds what no key can be.
    pub async fn signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM signing_keys WHERE revoked_at IS NULL ORDER BY signs_from, kid",
        )
        .fetch_all(&mut *self.read().await?)
        .await
        .map_err(unavailable)?;
        rows.iter().map(signing_key).collect()
    }

    /// Adds a signing key unless there is one of its algorithm that signs later than `latest`, and tells whether it did: of
    /// two services that add one at once, the first one's stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_signing_key(
        &self,
        key: &StoredSigningKey,
        latest: Option<OffsetDateTime>,
    ) -> Result<bool, StoreError> {
        let algorithm = key.public_key.algorithm().as_str();
        let inserted = sqlx::query(
            "INSERT INTO signing_keys (kid, algorithm, public_key, sealed_private_key, created_at, signs_from) \
             SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (\
                 SELECT 1 FROM signing_keys WHERE algorithm = ? AND revoked_at IS NULL AND signs_from > ?)",
        )
        .bind(&key.kid)
        .bind(algorithm)
        .bind(public_key_bytes(&key.public_key))
        .bind(&key.sealed_private_key)
        .bind(millis(key.created_at))
        .bind(millis(key.signs_from))
        .bind(algorithm)
        .bind(latest.map_or(i64::MIN, millis))
        .execute(&mut *self.write().await?)
        .await.map_err(unavailable)?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Revokes a signing key: its tokens die at once. False if there is no such key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_signing_key(
        &self,
        kid: &str,
        now: OffsetDateTime,
        tokens_dead_at: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let revoked = sqlx::query(
            "UPDATE signing_keys SET revoked_at = ? WHERE kid = ? AND revoked_at IS NULL",
        )
        .bind(millis(now))
        .bind(kid)
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        if revoked.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("INSERT INTO revocations (kind, subject, expires_at) VALUES ('kid', ?, ?)")
            .bind(kid)
            .bind(millis(tokens_dead_at))
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(true)
    }

    /// Removes a signing key whose tokens are all dead.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_signing_key(&self, kid: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM signing_keys WHERE kid = ?")
            .bind(kid)
            .execute(&mut *self.write().await?)
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    /// One of the sealed secrets and its name, if there is any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn any_secret_key(&self) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let row = sqlx::query("SELECT name, sealed FROM secret_keys ORDER BY name LIMIT 1")
            .fetch_optional(&mut *self.read().await?)
            .await
            .map_err(unavailable)?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((
            row.try_get("name").map_err(unavailable)?,
            row.try_get("sealed").map_err(unavailable)?,
        )))
    }

    /// The sealed secret called `name`; `sealed` becomes it if there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn secret_key_or(
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
        .execute(&mut *self.write().await?)
        .await
        .map_err(unavailable)?;
        let row = sqlx::query("SELECT sealed FROM secret_keys WHERE name = ?")
            .bind(name)
            .fetch_one(&mut *self.write().await?)
            .await
            .map_err(unavailable)?;
        row.try_get("sealed").map_err(unavailable)
    }
}

fn signing_key(row: &SqliteRow) -> Result<StoredSigningKey, StoreError> {
    let public_key: &[u8] = row.try_get("public_key").map_err(unavailable)?;
    Ok(StoredSigningKey {
        kid: row.try_get("kid").map_err(unavailable)?,
        public_key: public_key_from(row::parse(row, "algorithm")?, public_key).ok_or_else(
            || StoreError::Corrupt("a signing key has a public half of wrong length".into()),
        )?,
        sealed_private_key: row.try_get("sealed_private_key").map_err(unavailable)?,
        created_at: row::time(row, "created_at")?,
        signs_from: row::time(row, "signs_from")?,
    })
}

fn public_key_bytes(key: &PublicKey) -> Vec<u8> {
    match key {
        PublicKey::Ed25519 { x } => x.to_vec(),
        PublicKey::P256 { x, y } => [*x, *y].concat(),
    }
}

fn public_key_from(algorithm: Algorithm, bytes: &[u8]) -> Option<PublicKey> {
    match algorithm {
        Algorithm::EdDsa => Some(PublicKey::Ed25519 {
            x: bytes.try_into().ok()?,
        }),
        Algorithm::Es256 => {
            let (x, y) = bytes.split_at_checked(32)?;
            Some(PublicKey::P256 {
                x: x.try_into().ok()?,
                y: y.try_into().ok()?,
            })
        }
    }
}
