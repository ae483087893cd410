//! The port for passkeys.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    audit::AuditEvent,
    authentication::{Passkey, VerifiedPasskey},
    id::{CredentialId, UserId},
    store::StoreError,
};

/// Passkeys. They are added and removed as credentials.
#[async_trait]
pub trait PasskeyStore: Send + Sync {
    /// Returns the passkey with this credential ID, of any account.
    async fn passkey(&self, credential_id: &[u8]) -> Result<Option<Passkey>, StoreError>;

    /// Returns the passkeys of an account, the oldest first.
    async fn passkeys(&self, user: UserId) -> Result<Vec<Passkey>, StoreError>;

    /// Notes the use of a passkey as it was read; false if it was used meanwhile with a counter that increased, or does not exist.
    async fn use_passkey(
        &self,
        passkey: &Passkey,
        verified: VerifiedPasskey,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Gives a credential of an account another name; false if there is no such credential.
    async fn rename_credential(
        &self,
        user: UserId,
        id: CredentialId,
        label: &str,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;
}
