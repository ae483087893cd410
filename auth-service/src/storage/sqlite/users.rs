//! Accounts.

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Sqlite, Transaction, sqlite::SqliteRow};
use time::OffsetDateTime;

use super::{
    SqliteStore,
    row::{self, USER, end_reason_text, millis},
};
use crate::domain::{
    id::UserId,
    login::EndReason,
    password::{PasswordHash, PasswordVersion},
    ports::{StoreError, Users},
    user::{Account, User, Username},
};

impl SqliteStore {
    async fn find_account(
        &self,
        condition: &str,
        value: &str,
    ) -> Result<Option<Account>, StoreError> {
        let sql = format!(
            "SELECT {USER}, password_hash, password_version FROM users WHERE {condition} = ?"
        );
        let found: Option<SqliteRow> = sqlx::query(AssertSqlSafe(sql))
            .bind(value)
            .fetch_optional(&self.readers)
            .await?;
        found.as_ref().map(row::account).transpose()
    }
}

#[async_trait]
impl Users for SqliteStore {
    async fn insert_user(&self, account: &Account) -> Result<bool, StoreError> {
        let user = &account.user;
        let inserted = sqlx::query(
            "INSERT INTO users (id, username, admin, password_hash, password_version, \
                                password_changed_at, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (username) DO NOTHING",
        )
        .bind(user.id.to_string())
        .bind(user.username.as_str())
        .bind(user.admin)
        .bind(account.password_hash.as_phc())
        .bind(account.password_version.0)
        .bind(millis(user.password_changed_at))
        .bind(millis(user.created_at))
        .execute(&self.writer)
        .await?;
        Ok(inserted.rows_affected() == 1)
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
        let sql = format!("SELECT {USER} FROM users WHERE username > ? ORDER BY username LIMIT ?");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(after.map_or("", Username::as_str))
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(row::user).collect()
    }

    async fn disable_user(&self, id: UserId, now: OffsetDateTime) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let updated =
            sqlx::query("UPDATE users SET disabled_at = coalesce(disabled_at, ?) WHERE id = ?")
                .bind(millis(now))
                .bind(id.to_string())
                .execute(&mut *transaction)
                .await?;
        end_logins(&mut transaction, id, EndReason::AccountDisabled, now).await?;
        transaction.commit().await?;
        Ok(updated.rows_affected() == 1)
    }

    async fn enable_user(&self, id: UserId) -> Result<bool, StoreError> {
        let updated = sqlx::query("UPDATE users SET disabled_at = NULL WHERE id = ?")
            .bind(id.to_string())
            .execute(&self.writer)
            .await?;
        Ok(updated.rows_affected() == 1)
    }

    async fn delete_user(&self, id: UserId) -> Result<bool, StoreError> {
        let deleted = sqlx::query("DELETE FROM users WHERE id = ?")
            .bind(id.to_string())
            .execute(&self.writer)
            .await?;
        Ok(deleted.rows_affected() == 1)
    }

    async fn replace_password(
        &self,
        id: UserId,
        from: PasswordVersion,
        to: &PasswordHash,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let updated = sqlx::query(
            "UPDATE users SET password_hash = ?, password_version = password_version + 1, \
                              password_changed_at = ? \
             WHERE id = ? AND password_version = ?",
        )
        .bind(to.as_phc())
        .bind(millis(now))
        .bind(id.to_string())
        .bind(from.0)
        .execute(&mut *transaction)
        .await?;
        if updated.rows_affected() == 0 {
            return Ok(false);
        }
        end_logins(&mut transaction, id, EndReason::PasswordChanged, now).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

async fn end_logins(
    transaction: &mut Transaction<'static, Sqlite>,
    id: UserId,
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE logins SET ended_at = ?, end_reason = ? WHERE user_id = ? AND ended_at IS NULL",
    )
    .bind(millis(now))
    .bind(end_reason_text(reason))
    .bind(id.to_string())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
