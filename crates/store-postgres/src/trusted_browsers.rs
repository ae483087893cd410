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

use crate::{PostgresStore, query::RunQuery as _};

#[async_trait]
impl TrustedBrowserStore for PostgresStore {
    async fn insert_trusted_browser(
        &self,
        new: &NewTrustedBrowser,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let KeyedHash(hash) = new.token_hash;
        let insert = sqlx::query(
            "WITH owner AS (\
                 SELECT id, authentication_version FROM users WHERE id = $6 AND authentication_version = $7 FOR NO KEY UPDATE) \
             INSERT INTO trusted_browsers (id, user_id, token_hash, authentication_version, user_agent, created_at, expires_at) \
             SELECT $1, id, $2, authentication_version, $3, $4, $5 FROM owner RETURNING id",
        )
        .bind(new.id.to_string())
        .bind(hash.to_vec())
        .bind(new.user_agent.clone())
        .bind(millis(new.created_at))
        .bind(millis(new.expires_at))
        .bind(new.user.to_string())
        .bind(new.version.0);
        let trim = sqlx::query(
            "DELETE FROM trusted_browsers WHERE user_id = $1 AND (authentication_version <> $2 OR id NOT IN (\
                 SELECT id FROM trusted_browsers WHERE user_id = $1 AND authentication_version = $2 \
                 ORDER BY created_at DESC, id LIMIT $3))",
        )
        .bind(new.user.to_string())
        .bind(new.version.0)
        .bind(i64::from(MAX_TRUSTED_BROWSERS));
        Ok(self.change(insert, vec![trim], events).await?.is_some())
    }

    async fn use_trusted_browser(
        &self,
        (user, version): (UserId, AuthenticationVersion),
        (KeyedHash(hash), key): (KeyedHash, Option<&KeyThumbprint>),
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let update = sqlx::query(
            "UPDATE trusted_browsers SET last_used_at = $1 \
             WHERE token_hash = $2 AND user_id = $3 AND authentication_version = $4 AND expires_at > $1 AND (bound_jkt IS NULL OR bound_jkt = $5) AND EXISTS (\
                 SELECT 1 FROM users WHERE id = $3 AND authentication_version = $4) RETURNING id",
        )
        .bind(millis(now))
        .bind(hash.to_vec())
        .bind(user.to_string())
        .bind(version.0)
        .bind(key.map(ToString::to_string));
        Ok(self.change(update, Vec::new(), &[]).await?.is_some())
    }

    async fn bind_trusted_browser(
        &self,
        user: UserId,
        (KeyedHash(hash), key): (KeyedHash, &KeyThumbprint),
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let update = sqlx::query(
            "UPDATE trusted_browsers SET bound_jkt = $1 \
             WHERE token_hash = $2 AND user_id = $3 AND expires_at > $4 AND (bound_jkt IS NULL OR bound_jkt = $1) AND EXISTS (\
                 SELECT 1 FROM users WHERE id = $3 AND authentication_version = trusted_browsers.authentication_version) RETURNING id",
        )
        .bind(key.to_string())
        .bind(hash.to_vec())
        .bind(user.to_string())
        .bind(millis(now));
        Ok(self.change(update, Vec::new(), events).await?.is_some())
    }

    async fn trusted_browsers(
        &self,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<TrustedBrowser>, StoreError> {
        let sql = format!(
            "SELECT {TRUSTED_BROWSER} FROM trusted_browsers JOIN users ON users.id = user_id \
                 AND users.authentication_version = trusted_browsers.authentication_version \
             WHERE user_id = $1 AND expires_at > $2 ORDER BY trusted_browsers.created_at DESC, trusted_browsers.id"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .bind(millis(now))
            .rows(&mut *self.connections.acquire().await?)
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
            sqlx::query("DELETE FROM trusted_browsers WHERE id = $1 AND user_id = $2 RETURNING id")
                .bind(id.to_string())
                .bind(user.to_string());
        Ok(self.change(delete, Vec::new(), events).await?.is_some())
    }
}
