//! Credentials other than passwords.

use async_trait::async_trait;
use holdfast_identity::{
    account::{AuthenticationVersion, CredentialChange, CredentialRecord, NewCredential},
    audit::AuditEvent,
    authentication::KeyedHash,
    id::{CredentialId, Sid, UserId},
    login::EndReason,
    store::{Change, CredentialStore, StoreError, StoredTotp},
};
use holdfast_store_sql::{
    column::millis,
    credential::{RECORD, TOTP, record, totp},
    login_filter::LoginFilter,
};
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, Transaction};
use time::OffsetDateTime;

use crate::{
    SqliteStore, audit, passkeys::insert_passkey, query::RunQuery as _, revocations::end_logins,
    users::unchanged,
};

/// Increments the authentication version of an account; false if it is not `from`, or `by` is no live login of the account.
pub(super) async fn next_version(
    transaction: &mut Transaction<'_, Sqlite>,
    user: UserId,
    from: AuthenticationVersion,
    by: Option<Sid>,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let updated = sqlx::query(
        "UPDATE users SET authentication_version = ?1 \
         WHERE id = ?2 AND authentication_version = ?3 AND (?4 IS NULL OR EXISTS (\
             SELECT 1 FROM logins WHERE sid = ?4 AND user_id = users.id \
                 AND ended_at IS NULL AND expires_at > ?5))",
    )
    .bind(from.next().0)
    .bind(user.to_string())
    .bind(from.0)
    .bind(by.map(|sid| sid.to_string()))
    .bind(millis(now))
    .run(transaction)
    .await?;
    Ok(updated == 1)
}

async fn insert(
    connection: &mut SqliteConnection,
    user: UserId,
    new: &NewCredential,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO credentials (id, user_id, kind, label, data, used_step, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.id.to_string())
    .bind(user.to_string())
    .bind(new.kind.as_str())
    .bind(&new.label)
    .bind(&new.data)
    .bind(new.used_step)
    .bind(millis(now))
    .run(connection)
    .await?;
    Ok(())
}

#[async_trait]
impl CredentialStore for SqliteStore {
    async fn credentials(&self, user: UserId) -> Result<Vec<CredentialRecord>, StoreError> {
        let sql =
            format!("SELECT {RECORD} FROM credentials WHERE user_id = ? ORDER BY created_at, id");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .rows(&mut *self.read().await?)
            .await?;
        rows.iter().map(record).collect()
    }

    async fn change_credentials(
        &self,
        change: &CredentialChange<'_>,
        events: &[AuditEvent],
    ) -> Result<Option<AuthenticationVersion>, StoreError> {
        let CredentialChange {
            user,
            from,
            by,
            now,
            ..
        } = *change;
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        if !next_version(&mut transaction, user, from, by, now).await? {
            return Ok(None);
        }
        for id in change.removed {
            sqlx::query("DELETE FROM credentials WHERE id = ? AND user_id = ?")
                .bind(id.to_string())
                .bind(user.to_string())
                .run(&mut transaction)
                .await?;
        }
        for new in change.added {
            insert(&mut transaction, user, new, now).await?;
            if let Some(passkey) = &new.passkey
                && !insert_passkey(&mut transaction, new.id, passkey).await?
            {
                return Ok(None);
            }
        }
        if let Some(reason) = change.ends {
            let filter = LoginFilter::all_of(user, by);
            end_logins(&mut transaction, &filter, reason, now).await?;
        }
        audit::commit(transaction, events).await?;
        Ok(Some(from.next()))
    }

    async fn totp(&self, user: UserId) -> Result<Option<StoredTotp>, StoreError> {
        let sql = format!("SELECT {TOTP} FROM credentials WHERE user_id = ? AND kind = 'totp'");
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .first_row(&mut *self.read().await?)
            .await?;
        found.as_ref().map(totp).transpose()
    }

    async fn use_totp_step(
        &self,
        id: CredentialId,
        step: i64,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let update = sqlx::query(
            "UPDATE credentials SET used_step = ?1, last_used_at = ?2 \
             WHERE id = ?3 AND kind = 'totp' AND (used_step IS NULL OR used_step < ?1) RETURNING id",
        )
        .bind(step)
        .bind(millis(now))
        .bind(id.to_string());
        self.change(update, &[]).await
    }

    async fn use_recovery_code(
        &self,
        user: UserId,
        KeyedHash(hash): KeyedHash,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Change, StoreError> {
        let update = sqlx::query(
            "UPDATE credentials SET last_used_at = ? \
             WHERE user_id = ? AND kind = 'recovery_code' AND data = ? AND last_used_at IS NULL RETURNING id",
        )
        .bind(millis(now))
        .bind(user.to_string())
        .bind(hash.to_vec());
        if self.change(update, events).await? {
            return Ok(Change::Applied);
        }
        let found = sqlx::query(
            "SELECT id FROM credentials WHERE user_id = ? AND kind = 'recovery_code' AND data = ?",
        )
        .bind(user.to_string())
        .bind(hash.to_vec())
        .first_row(&mut *self.read().await?)
        .await?;
        Ok(found.map_or(Change::NotFound, |_| Change::AlreadyApplied))
    }

    async fn set_second_factor_required(
        &self,
        user: UserId,
        required: bool,
        ends: Option<EndReason>,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Change, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let updated = sqlx::query(
            "UPDATE users SET second_factor_required = ?1 \
             WHERE id = ?2 AND second_factor_required <> ?1",
        )
        .bind(required)
        .bind(user.to_string())
        .run(&mut transaction)
        .await?;
        if updated == 0 {
            return unchanged(&mut transaction, user).await;
        }
        if let Some(reason) = ends {
            end_logins(&mut transaction, &LoginFilter::AllOf(user), reason, now).await?;
        }
        audit::commit(transaction, events).await?;
        Ok(Change::Applied)
    }
}
