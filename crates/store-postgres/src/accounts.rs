//! Accounts.

use async_trait::async_trait;
use holdfast_identity::{
    account::{Account, AuthenticationVersion, PasswordHash, User, Username},
    audit::AuditEvent,
    id::{Sid, UserId},
    login::EndReason,
    store::{AccountStore, Change, StoreError},
};
use holdfast_store_sql::{
    account::{self, CREDENTIALS, PASSWORD, USER},
    column::millis,
    login_filter::LoginFilter,
};
use sqlx::{AssertSqlSafe, PgConnection};
use time::OffsetDateTime;

use crate::{
    PostgresStore, audit,
    credentials::next_version,
    login_ends::{end_locked, end_logins},
    query::RunQuery as _,
};

impl PostgresStore {
    async fn find_account(
        &self,
        condition: &str,
        value: &str,
    ) -> Result<Option<Account>, StoreError> {
        let sql = format!(
            "SELECT {USER}, {CREDENTIALS} FROM users {PASSWORD} \
             WHERE users.{condition} = $1"
        );
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(value)
            .first_row(&mut *self.connections.acquire().await?)
            .await?;
        found.as_ref().map(account::account).transpose()
    }
}

/// Why disabling or enabling an account changed nothing: there is no such account, or it was done before.
pub(super) async fn unchanged(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<Change, StoreError> {
    let found = sqlx::query("SELECT 1 FROM users WHERE id = $1")
        .bind(id.to_string())
        .first_row(connection)
        .await?;
    Ok(found.map_or(Change::NotFound, |_| Change::AlreadyApplied))
}

/// Inserts or replaces the password of an account.
async fn set_password(
    connection: &mut PgConnection,
    user: UserId,
    hash: &PasswordHash,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO credentials (id, user_id, kind, label, data, created_at) \
         VALUES ($1, $1, 'password', '', $2, $3) ON CONFLICT (id) DO UPDATE \
         SET data = excluded.data, created_at = excluded.created_at, last_used_at = NULL",
    )
    .bind(user.to_string())
    .bind(hash.as_phc().as_bytes())
    .bind(millis(now))
    .run(connection)
    .await?;
    Ok(())
}

#[async_trait]
impl AccountStore for PostgresStore {
    async fn insert_user(
        &self,
        account: &Account,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let user = &account.user;
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        let inserted = sqlx::query(
            "INSERT INTO users (id, username, admin, authentication_version, created_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (username) DO NOTHING",
        )
        .bind(user.id.to_string())
        .bind(user.username.as_str())
        .bind(user.admin)
        .bind(account.authentication_version.0)
        .bind(millis(user.created_at))
        .run(&mut *transaction)
        .await?;
        if inserted == 0 {
            return Ok(false);
        }
        if let Some(hash) = &account.password_hash {
            let set_at = user.password_changed_at.unwrap_or(user.created_at);
            set_password(&mut transaction, user.id, hash, set_at).await?;
        }
        audit::commit(transaction, events).await?;
        Ok(true)
    }

    async fn account(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.find_account("id", &id.to_string()).await
    }

    async fn account_by_name(&self, username: &Username) -> Result<Option<Account>, StoreError> {
        self.find_account("username", username.as_str()).await
    }

    async fn users_after(
        &self,
        after: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
        let sql = format!(
            "SELECT {USER} FROM users {PASSWORD} WHERE username > $1 ORDER BY username LIMIT $2"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(after.map_or("", Username::as_str))
            .bind(i64::from(limit))
            .rows(&mut *self.connections.acquire().await?)
            .await?;
        rows.iter().map(account::user).collect()
    }

    async fn disable_user(
        &self,
        id: UserId,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Change, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        let updated =
            sqlx::query("UPDATE users SET disabled_at = $1 WHERE id = $2 AND disabled_at IS NULL")
                .bind(millis(now))
                .bind(id.to_string())
                .run(&mut *transaction)
                .await?;
        // Also for an account that was disabled before, which should have no live login.
        let filter = LoginFilter::AllOf(id);
        end_logins(&mut transaction, &filter, EndReason::AccountDisabled, now).await?;
        let (change, events) = match updated {
            0 => (unchanged(&mut transaction, id).await?, [].as_slice()),
            _ => (Change::Applied, events),
        };
        audit::commit(transaction, events).await?;
        Ok(change)
    }

    async fn enable_user(&self, id: UserId, events: &[AuditEvent]) -> Result<Change, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        let updated = sqlx::query(
            "UPDATE users SET disabled_at = NULL WHERE id = $1 AND disabled_at IS NOT NULL",
        )
        .bind(id.to_string())
        .run(&mut *transaction)
        .await?;
        if updated == 0 {
            return unchanged(&mut transaction, id).await;
        }
        audit::commit(transaction, events).await?;
        Ok(Change::Applied)
    }

    async fn delete_user(
        &self,
        id: UserId,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        // Everything that is deleted with it is locked before, in the order of locks; no login starts from here on.
        let found = sqlx::query("SELECT id FROM users WHERE id = $1 FOR UPDATE")
            .bind(id.to_string())
            .first_row(&mut *transaction)
            .await?;
        if found.is_none() {
            return Ok(false);
        }
        for rows in [
            "SELECT sid FROM logins WHERE user_id = $1 ORDER BY sid FOR UPDATE",
            "SELECT id FROM credentials WHERE user_id = $1 ORDER BY id FOR UPDATE",
            "SELECT passkeys.id FROM passkeys JOIN credentials USING (id) WHERE user_id = $1 ORDER BY passkeys.id FOR UPDATE OF passkeys",
            "SELECT id FROM trusted_browsers WHERE user_id = $1 ORDER BY id FOR UPDATE",
            "SELECT place FROM known_places WHERE user_id = $1 ORDER BY place FOR UPDATE",
            "SELECT grants.id FROM grants JOIN logins USING (sid) WHERE user_id = $1 ORDER BY grants.id FOR UPDATE OF grants",
        ] {
            let locked = sqlx::query(rows).bind(id.to_string());
            locked.rows(&mut *transaction).await?;
        }
        let filter = LoginFilter::AllOf(id);
        end_logins(&mut transaction, &filter, EndReason::AccountDeleted, now).await?;
        sqlx::query("DELETE FROM users WHERE id = $1")
            .bind(id.to_string())
            .run(&mut *transaction)
            .await?;
        audit::commit(transaction, events).await?;
        Ok(true)
    }

    async fn replace_password(
        &self,
        id: UserId,
        from: AuthenticationVersion,
        to: &PasswordHash,
        by: Option<Sid>,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Option<AuthenticationVersion>, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        let Some(live) = next_version(&mut transaction, id, from, by, now).await? else {
            return Ok(None);
        };
        set_password(&mut transaction, id, to, now).await?;
        // An attacker who knew the old password may have stored a location with it.
        sqlx::query(
            "DELETE FROM known_places WHERE user_id = $1 AND place IN (\
                 SELECT place FROM known_places WHERE user_id = $1 ORDER BY place FOR UPDATE)",
        )
        .bind(id.to_string())
        .run(&mut *transaction)
        .await?;
        end_locked(&mut transaction, live, EndReason::PasswordChanged, now).await?;
        audit::commit(transaction, events).await?;
        Ok(Some(from.next()))
    }

    async fn replace_password_hash(
        &self,
        id: UserId,
        version: AuthenticationVersion,
        hash: &PasswordHash,
    ) -> Result<(), StoreError> {
        // The row of the account is locked, so that a new password is not replaced by a hash of the old one.
        sqlx::query(
            "WITH owner AS (\
                 SELECT id FROM users WHERE id = $2 AND authentication_version = $3 FOR SHARE) \
             UPDATE credentials SET data = $1 FROM owner WHERE kind = 'password' AND user_id = owner.id",
        )
        .bind(hash.as_phc().as_bytes())
        .bind(id.to_string())
        .bind(version.0)
        .run(&mut *self.connections.acquire().await?)
        .await?;
        Ok(())
    }
}
