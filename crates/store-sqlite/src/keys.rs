//! Signing keys and secret keys, both sealed.

use holdfast_identity::{
    key::{Algorithm, PublicKey, StoredSigningKey},
    store::StoreError,
};
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use crate::{
    SqliteStore,
    query::{RunQuery as _, get, unavailable},
    revocations,
    row::{self, millis},
};

impl SqliteStore {
    /// All signing keys that are not revoked, in the order in which they sign.
    ///
    /// # Errors
    /// When the database cannot be read, or a row is not a valid key.
    pub async fn signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM signing_keys WHERE revoked_at IS NULL ORDER BY signs_from, kid",
        )
        .rows(&mut *self.read().await?)
        .await?;
        rows.iter().map(signing_key).collect()
    }

    /// Inserts a signing key, unless one of its algorithm signs later than `latest`; returns whether it was inserted. Of two instances
    /// that insert a key at the same time, only the first succeeds.
    ///
    /// # Errors
    /// When the database cannot be written.
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
        .run(&mut *self.write().await?)
.await?;
        Ok(inserted == 1)
    }

    /// Revokes a signing key and all tokens that it signed, of which the last expires at `tokens_expire_at`. Returns false if there is no
    /// such key, or it was revoked before.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn revoke_signing_key(
        &self,
        kid: &str,
        now: OffsetDateTime,
        tokens_expire_at: OffsetDateTime,
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
        transaction.commit().await.map_err(unavailable)?;
        Ok(true)
    }

    /// Deletes a signing key whose tokens have all expired.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn remove_signing_key(&self, kid: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM signing_keys WHERE kid = ?")
            .bind(kid)
            .run(&mut *self.write().await?)
            .await?;
        Ok(())
    }

    /// The name of a secret key and the sealed key, to try the key-encryption key on. `None`: the database has none yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn any_secret_key(&self) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let row = sqlx::query("SELECT name, sealed FROM secret_keys ORDER BY name LIMIT 1")
            .first_row(&mut *self.read().await?)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((get(&row, "name")?, get(&row, "sealed")?)))
    }

    /// The sealed secret key of this name, after inserting `sealed` where there was none.
    ///
    /// # Errors
    /// When the database cannot be written.
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
        .run(&mut *self.write().await?)
        .await?;
        let row = sqlx::query("SELECT sealed FROM secret_keys WHERE name = ?")
            .bind(name)
            .only_row(&mut *self.write().await?)
            .await?;
        get(&row, "sealed")
    }
}

fn signing_key(row: &SqliteRow) -> Result<StoredSigningKey, StoreError> {
    let public_key: &[u8] = get(row, "public_key")?;
    Ok(StoredSigningKey {
        kid: get(row, "kid")?,
        public_key: public_key_from(row::parse(row, "algorithm")?, public_key)
            .ok_or_else(|| StoreError::Corrupt("the public key of a signing key".into()))?,
        sealed_private_key: get(row, "sealed_private_key")?,
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
