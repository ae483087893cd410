//! The port for signing keys and secret keys.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{audit::AuditEvent, key::StoredSigningKey, store::StoreError};

/// Signing keys and secret keys. The store receives them sealed.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Returns the signing keys that are not revoked, in the order in which they sign.
    async fn signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError>;

    /// Inserts a signing key, unless one of its algorithm signs later than `latest`; returns whether it was inserted. Of two
    /// instances that insert a key at the same time, only the first succeeds.
    async fn insert_signing_key(
        &self,
        key: &StoredSigningKey,
        latest: Option<OffsetDateTime>,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Revokes a signing key, and appends to the revocation log that all tokens that it signed are revoked, of which the last expires
    /// at `tokens_expire_at`. False if there is no such key, or it was revoked before.
    async fn revoke_signing_key(
        &self,
        kid: &str,
        now: OffsetDateTime,
        tokens_expire_at: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Deletes a signing key whose tokens have all expired.
    async fn remove_signing_key(&self, kid: &str) -> Result<(), StoreError>;

    /// Returns the name of a secret key and the sealed key, to try the key-encryption key on. `None`: the store has none yet.
    async fn any_secret_key(&self) -> Result<Option<(String, Vec<u8>)>, StoreError>;

    /// Returns the sealed secret key of this name, after inserting `sealed` where there was none. Concurrent calls return the same
    /// key.
    async fn secret_key_or(
        &self,
        name: &str,
        sealed: &[u8],
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, StoreError>;
}
