//! Passkeys.

use async_trait::async_trait;
use holdfast_identity::{
    audit::AuditEvent,
    authentication::{NewPasskey, Passkey, VerifiedPasskey},
    id::{CredentialId, UserId},
    store::{PasskeyStore, StoreError},
};
use holdfast_store_sql::{
    column::millis,
    passkey::{PASSKEY, passkey},
};
use sqlx::{AssertSqlSafe, SqliteConnection};
use time::OffsetDateTime;

use crate::{SqliteStore, group_commit::Write, query::RunQuery as _};

/// Inserts what verifies a passkey beside its credential; false if another passkey has its credential ID.
pub(super) async fn insert_passkey(
    connection: &mut SqliteConnection,
    id: CredentialId,
    new: &NewPasskey,
) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO passkeys (id, credential_id, sign_count, user_verified, backup_eligible, backed_up, \
                               transports, aaguid, attestation_object, discoverable) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (credential_id) DO NOTHING",
    )
    .bind(id.to_string())
    .bind(&new.credential_id)
    .bind(i64::from(new.sign_count))
    .bind(new.user_verified)
    .bind(new.backup_eligible)
    .bind(new.backed_up)
    .bind(new.transports.join(" "))
    .bind(new.aaguid.as_slice())
    .bind(&new.attestation_object)
    .bind(new.discoverable)
    .run(connection)
    .await?;
    Ok(inserted == 1)
}

#[async_trait]
impl PasskeyStore for SqliteStore {
    async fn passkey(&self, credential_id: &[u8]) -> Result<Option<Passkey>, StoreError> {
        let sql = format!(
            "SELECT {PASSKEY} FROM credentials JOIN passkeys USING (id) WHERE credential_id = ?"
        );
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(credential_id)
            .first_row(&mut *self.read().await?)
            .await?;
        found.as_ref().map(passkey).transpose()
    }

    async fn passkeys(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        let sql = format!(
            "SELECT {PASSKEY} FROM credentials JOIN passkeys USING (id) \
             WHERE user_id = ? ORDER BY created_at, credentials.id"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .rows(&mut *self.read().await?)
            .await?;
        rows.iter().map(passkey).collect()
    }

    async fn use_passkey(
        &self,
        passkey: &Passkey,
        verified: VerifiedPasskey,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let update = sqlx::query(
            "UPDATE passkeys SET sign_count = ?, backed_up = ? WHERE id = ? AND sign_count = ? RETURNING id",
        )
        .bind(i64::from(verified.sign_count))
        .bind(verified.backed_up)
        .bind(passkey.id.to_string())
        .bind(i64::from(passkey.sign_count));
        let used = sqlx::query("UPDATE credentials SET last_used_at = ? WHERE id = ?")
            .bind(millis(now))
            .bind(passkey.id.to_string());
        self.change(Write::from(update).then(used), events).await
    }

    async fn rename_credential(
        &self,
        user: UserId,
        id: CredentialId,
        label: &str,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let update = sqlx::query(
            "UPDATE credentials SET label = ? WHERE id = ? AND user_id = ? RETURNING id",
        )
        .bind(label.to_owned())
        .bind(id.to_string())
        .bind(user.to_string());
        self.change(update, events).await
    }
}
