//! Logins and revoked tokens.

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use super::{
    SqliteStore,
    row::{self, USER, client_kind_text, end_reason_text, millis},
};
use crate::domain::{
    id::{Jti, Sid},
    login::{EndReason, Generation, Login, NewLogin},
    ports::{Logins, StoreError},
    scope::Scopes,
    user::User,
};

#[async_trait]
impl Logins for SqliteStore {
    async fn insert_login(&self, login: &NewLogin) -> Result<bool, StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO logins (sid, user_id, client_kind, ip_address, user_agent, scope, \
                                 generation, refreshed_at, created_at, expires_at) \
             SELECT ?, id, ?, ?, ?, '', ?, ?, ?, ? FROM users \
             WHERE id = ? AND password_version = ? AND disabled_at IS NULL",
        )
        .bind(login.sid.to_string())
        .bind(client_kind_text(login.client.kind))
        .bind(login.client.ip_address.map(|address| address.to_string()))
        .bind(login.client.user_agent.as_deref())
        .bind(Generation::TICKET.0)
        .bind(millis(login.created_at))
        .bind(millis(login.created_at))
        .bind(millis(login.expires_at))
        .bind(login.user_id.to_string())
        .bind(login.password_version.0)
        .execute(&self.writer)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    async fn login(&self, sid: Sid) -> Result<Option<(Login, User)>, StoreError> {
        let sql = format!(
            "SELECT {USER}, logins.* FROM logins JOIN users ON users.id = logins.user_id \
             WHERE sid = ?"
        );
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(sid.to_string())
            .fetch_optional(&self.readers)
            .await?;
        let Some(found) = found else { return Ok(None) };
        Ok(Some((row::login(&found)?, row::user(&found)?)))
    }

    async fn advance(
        &self,
        sid: Sid,
        from: Generation,
        scopes: &Scopes,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let advanced = sqlx::query(
            "UPDATE logins SET generation = ?, scope = ?, refreshed_at = ? \
             WHERE sid = ? AND generation = ? AND ended_at IS NULL",
        )
        .bind(from.next().0)
        .bind(scopes.to_string())
        .bind(millis(now))
        .bind(sid.to_string())
        .bind(from.0)
        .execute(&self.writer)
        .await?;
        Ok(advanced.rows_affected() == 1)
    }

    async fn end_login(
        &self,
        sid: Sid,
        reason: EndReason,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE logins SET ended_at = ?, end_reason = ? WHERE sid = ? AND ended_at IS NULL",
        )
        .bind(millis(now))
        .bind(end_reason_text(reason))
        .bind(sid.to_string())
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    async fn end_every_login(
        &self,
        reason: EndReason,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let ended =
            sqlx::query("UPDATE logins SET ended_at = ?, end_reason = ? WHERE ended_at IS NULL")
                .bind(millis(now))
                .bind(end_reason_text(reason))
                .execute(&self.writer)
                .await?;
        Ok(ended.rows_affected())
    }

    async fn revoke_token(&self, jti: Jti, until: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO revoked_tokens (jti, expires_at) VALUES (?, ?) \
             ON CONFLICT (jti) DO NOTHING",
        )
        .bind(jti.to_string())
        .bind(millis(until))
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    async fn is_revoked(&self, jti: Jti) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT 1 FROM revoked_tokens WHERE jti = ?")
            .bind(jti.to_string())
            .fetch_optional(&self.readers)
            .await?;
        Ok(found.is_some())
    }

    async fn purge(&self, before: OffsetDateTime) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM logins WHERE expires_at < ?")
            .bind(millis(before))
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM revoked_tokens WHERE expires_at < ?")
            .bind(millis(before))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}
