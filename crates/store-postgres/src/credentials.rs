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
use sqlx::{AssertSqlSafe, PgConnection};
use time::OffsetDateTime;

use crate::{
    PostgresStore,
    accounts::unchanged,
    audit,
    login_ends::{end_locked, end_logins, lock_logins},
    passkeys::insert_passkey,
    query::RunQuery as _,
};

/// Increments the authentication version of an account, and returns its logins that have not ended, whose rows are locked. `None` if the
/// version is not `from`, or `by` is no live login of the account.
pub(super) async fn next_version(
    connection: &mut PgConnection,
    user: UserId,
    from: AuthenticationVersion,
    by: Option<Sid>,
    now: OffsetDateTime,
) -> Result<Option<Vec<Sid>>, StoreError> {
    let found = sqlx::query(
        "SELECT id FROM users WHERE id = $1 AND authentication_version = $2 FOR NO KEY UPDATE",
    )
    .bind(user.to_string())
    .bind(from.0)
    .first_row(&mut *connection)
    .await?;
    if found.is_none() {
        return Ok(None);
    }
    let live = lock_logins(connection, &LoginFilter::AllOf(user)).await?;
    // Of the locked rows: the login may have ended while this waited for them.
    let is_live = |by| {
        live.iter()
            .any(|(sid, expires_at)| *sid == by && *expires_at > now)
    };
    if !by.is_none_or(is_live) {
        return Ok(None);
    }
    sqlx::query("UPDATE users SET authentication_version = $1 WHERE id = $2")
        .bind(from.next().0)
        .bind(user.to_string())
        .run(connection)
        .await?;
    Ok(Some(live.into_iter().map(|(sid, _)| sid).collect()))
}

async fn remove(
    connection: &mut PgConnection,
    user: UserId,
    removed: &[CredentialId],
) -> Result<(), StoreError> {
    let ids: Vec<_> = removed.iter().map(ToString::to_string).collect();
    sqlx::query(
        "DELETE FROM credentials WHERE id IN (\
             SELECT id FROM credentials WHERE user_id = $1 AND id = ANY($2) ORDER BY id FOR UPDATE)",
    )
    .bind(user.to_string())
    .bind(&ids)
    .run(connection)
    .await?;
    Ok(())
}

async fn insert(
    connection: &mut PgConnection,
    user: UserId,
    new: &NewCredential,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO credentials (id, user_id, kind, label, data, used_step, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
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

/// Programs from before this schema would sign the account in without its second factor: from now on they do not start.
async fn exclude_earlier_programs(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("UPDATE schema_compatibility SET earliest = 5 WHERE earliest < 5")
        .run(connection)
        .await?;
    Ok(())
}

#[async_trait]
impl CredentialStore for PostgresStore {
    async fn credentials(&self, user: UserId) -> Result<Vec<CredentialRecord>, StoreError> {
        let sql =
            format!("SELECT {RECORD} FROM credentials WHERE user_id = $1 ORDER BY created_at, id");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .rows(&mut *self.connections.acquire().await?)
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
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        let live = next_version(&mut transaction, user, from, by, now).await?;
        let Some(mut live) = live else {
            return Ok(None);
        };
        remove(&mut transaction, user, change.removed).await?;
        for new in change.added {
            insert(&mut transaction, user, new, now).await?;
            if let Some(passkey) = &new.passkey
                && !insert_passkey(&mut transaction, new.id, passkey).await?
            {
                return Ok(None);
            }
        }
        if change.added.iter().any(|new| new.kind.is_second_factor()) {
            exclude_earlier_programs(&mut transaction).await?;
        }
        if let Some(reason) = change.ends {
            live.retain(|sid| Some(*sid) != by);
            end_locked(&mut transaction, live, reason, now).await?;
        }
        audit::commit(transaction, events).await?;
        Ok(Some(from.next()))
    }

    async fn totp(&self, user: UserId) -> Result<Option<StoredTotp>, StoreError> {
        let sql = format!("SELECT {TOTP} FROM credentials WHERE user_id = $1 AND kind = 'totp'");
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .first_row(&mut *self.connections.acquire().await?)
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
            "UPDATE credentials SET used_step = $1, last_used_at = $2 \
             WHERE id = $3 AND kind = 'totp' AND (used_step IS NULL OR used_step < $1) RETURNING id",
        )
        .bind(step)
        .bind(millis(now))
        .bind(id.to_string());
        Ok(self.change(update, Vec::new(), &[]).await?.is_some())
    }

    async fn use_recovery_code(
        &self,
        user: UserId,
        KeyedHash(hash): KeyedHash,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Change, StoreError> {
        let update = sqlx::query(
            "UPDATE credentials SET last_used_at = $1 \
             WHERE user_id = $2 AND kind = 'recovery_code' AND data = $3 AND last_used_at IS NULL RETURNING id",
        )
        .bind(millis(now))
        .bind(user.to_string())
        .bind(hash.to_vec());
        if self.change(update, Vec::new(), events).await?.is_some() {
            return Ok(Change::Applied);
        }
        let found = sqlx::query(
            "SELECT id FROM credentials WHERE user_id = $1 AND kind = 'recovery_code' AND data = $2",
        )
        .bind(user.to_string())
        .bind(hash.to_vec())
        .first_row(&mut *self.connections.acquire().await?)
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
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        let updated = sqlx::query(
            "UPDATE users SET second_factor_required = $1 \
             WHERE id = $2 AND second_factor_required <> $1",
        )
        .bind(required)
        .bind(user.to_string())
        .run(&mut *transaction)
        .await?;
        if updated == 0 {
            return unchanged(&mut transaction, user).await;
        }
        if required {
            exclude_earlier_programs(&mut transaction).await?;
        }
        if let Some(reason) = ends {
            end_logins(&mut transaction, &LoginFilter::AllOf(user), reason, now).await?;
        }
        audit::commit(transaction, events).await?;
        Ok(Change::Applied)
    }
}
