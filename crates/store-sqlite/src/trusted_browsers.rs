//! Trusted browsers.

use async_trait::async_trait;
use holdfast_identity::{
    account::AuthenticationVersion,
    audit::AuditEvent,
    authentication::{KeyedHash, MAX_TRUSTED_BROWSERS, NewTrustedBrowser, TrustedBrowser},
    id::{TrustedBrowserId, UserId},
    oauth::KeyThumbprint,
    store::{StoreError, TrustedBrowserStore},
};
use holdfast_store_sql::{
    column::millis,
    trusted_browser::{TRUSTED_BROWSER, trusted_browser},
};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use crate::{SqliteStore, group_commit::Write, query::RunQuery as _};

#[async_trait]
impl TrustedBrowserStore for SqliteStore {
    async fn insert_trusted_browser(
        &self,
        new: &NewTrustedBrowser,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let KeyedHash(hash) = new.token_hash;
        let insert = sqlx::query(
            "INSERT INTO trusted_browsers (id, user_id, token_hash, authentication_version, user_agent, created_at, expires_at) \
             SELECT ?, id, ?, authentication_version, ?, ?, ? FROM users WHERE id = ? AND authentication_version = ? RETURNING id",
        )
        .bind(new.id.to_string())
        .bind(hash.to_vec())
        .bind(new.user_agent.clone())
        .bind(millis(new.created_at))
        .bind(millis(new.expires_at))
        .bind(new.user.to_string())
        .bind(new.version.0);
        let trim = sqlx::query(
            "DELETE FROM trusted_browsers WHERE user_id = ?1 AND (authentication_version <> ?2 OR id NOT IN (\
                 SELECT id FROM trusted_browsers WHERE user_id = ?1 AND authentication_version = ?2 \
                 ORDER BY created_at DESC, id LIMIT ?3))",
        )
        .bind(new.user.to_string())
        .bind(new.version.0)
        .bind(MAX_TRUSTED_BROWSERS);
        self.change(Write::from(insert).then(trim), events).await
    }

    async fn use_trusted_browser(
        &self,
        (user, version): (UserId, AuthenticationVersion),
        (KeyedHash(hash), key): (KeyedHash, Option<&KeyThumbprint>),
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let update = sqlx::query(
            "UPDATE trusted_browsers SET last_used_at = ?1 \
             WHERE token_hash = ?2 AND user_id = ?3 AND authentication_version = ?4 AND expires_at > ?1 AND (bound_jkt IS NULL OR bound_jkt = ?5) AND EXISTS (\
                 SELECT 1 FROM users WHERE id = ?3 AND authentication_version = ?4) RETURNING id",
        )
        .bind(millis(now))
        .bind(hash.to_vec())
        .bind(user.to_string())
        .bind(version.0)
        .bind(key.map(ToString::to_string));
        self.change(update, &[]).await
    }

    async fn bind_trusted_browser(
        &self,
        user: UserId,
        (KeyedHash(hash), key): (KeyedHash, &KeyThumbprint),
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let update = sqlx::query(
            "UPDATE trusted_browsers SET bound_jkt = ?1 \
             WHERE token_hash = ?2 AND user_id = ?3 AND expires_at > ?4 AND (bound_jkt IS NULL OR bound_jkt = ?1) AND EXISTS (\
                 SELECT 1 FROM users WHERE id = ?3 AND authentication_version = trusted_browsers.authentication_version) RETURNING id",
        )
        .bind(key.to_string())
        .bind(hash.to_vec())
        .bind(user.to_string())
        .bind(millis(now));
        self.change(update, events).await
    }

    async fn trusted_browsers(
        &self,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<TrustedBrowser>, StoreError> {
        let sql = format!(
            "SELECT {TRUSTED_BROWSER} FROM trusted_browsers JOIN users ON users.id = user_id \
                 AND users.authentication_version = trusted_browsers.authentication_version \
             WHERE user_id = ? AND expires_at > ? ORDER BY trusted_browsers.created_at DESC, trusted_browsers.id"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .bind(millis(now))
            .rows(&mut *self.read().await?)
            .await?;
        rows.iter().map(trusted_browser).collect()
    }

    async fn remove_trusted_browser(
        &self,
        user: UserId,
        id: TrustedBrowserId,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let delete =
            sqlx::query("DELETE FROM trusted_browsers WHERE id = ? AND user_id = ? RETURNING id")
                .bind(id.to_string())
                .bind(user.to_string());
        self.change(delete, events).await
    }
}
