//! Logins.

use async_trait::async_trait;
use holdfast_identity::{
    account::User,
    audit::AuditEvent,
    authentication::{Factor, KNOWN_LOCATION_TTL, KnownLocations, LocationTrust},
    id::{Sid, UserId},
    login::{AuthenticationUpdate, EndReason, Login, LoginRecord, NewLogin},
    store::{LoginStore, StoreError},
};
use holdfast_store_sql::{
    account::{self, PASSWORD, USER},
    column::millis,
    known_location::{bytes, trust},
    login,
    login_filter::LoginFilter,
    sign_in::insert_login,
    unavailable,
};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use crate::{
    SqliteStore, audit,
    group_commit::{Statement, Write},
    query::RunQuery as _,
    revocations::end_logins,
};

#[async_trait]
impl LoginStore for SqliteStore {
    async fn insert_login(&self, login: &NewLogin) -> Result<Option<Vec<Sid>>, StoreError> {
        insert_login(self, login).await
    }

    async fn location_trust(
        &self,
        user: UserId,
        locations: KnownLocations,
        since: OffsetDateTime,
    ) -> Result<LocationTrust, StoreError> {
        let rows = sqlx::query(
            "SELECT place FROM known_places \
             WHERE user_id = ? AND place IN (?, ?) AND last_seen_at > ?",
        )
        .bind(user.to_string())
        .bind(bytes(locations.device))
        .bind(bytes(locations.address))
        .bind(millis(since))
        .rows(&mut *self.read().await?)
        .await?;
        trust(&rows, locations)
    }

    async fn login(&self, sid: Sid) -> Result<Option<(Login, User)>, StoreError> {
        let sql = format!(
            "SELECT {USER}, logins.* FROM logins JOIN users ON users.id = logins.user_id {PASSWORD} \
             WHERE sid = ?"
        );
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(sid.to_string())
            .first_row(&mut *self.read().await?)
            .await?;
        let Some(found) = found else { return Ok(None) };
        Ok(Some((login::login(&found)?, account::user(&found)?)))
    }

    async fn logins_of(
        &self,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<LoginRecord>, StoreError> {
        let mut reader = self.read().await?;
        let mut transaction = reader.begin_read().await?;
        let rows = sqlx::query(
            "SELECT * FROM logins WHERE user_id = ? AND ended_at IS NULL AND expires_at > ? \
             ORDER BY last_seen_at DESC, created_at DESC, sid",
        )
        .bind(user.to_string())
        .bind(millis(now))
        .rows(&mut transaction)
        .await?;
        let grants = sqlx::query(
            "SELECT grants.* FROM logins JOIN grants USING (sid) \
             WHERE user_id = ? AND logins.ended_at IS NULL AND expires_at > ? AND grants.ended_at IS NULL \
             ORDER BY grants.created_at, grants.id",
        )
        .bind(user.to_string())
        .bind(millis(now))
        .rows(&mut transaction)
        .await?;
        login::login_records(&rows, &grants)
    }

    async fn update_last_seen(&self, sid: Sid, now: OffsetDateTime) -> Result<(), StoreError> {
        let update =
            sqlx::query("UPDATE logins SET last_seen_at = ? WHERE sid = ? AND ended_at IS NULL")
                .bind(millis(now))
                .bind(sid.to_string());
        self.commit(update).await.map(drop)
    }

    async fn set_bound_at(
        &self,
        sid: Sid,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let update = sqlx::query(
            "UPDATE logins SET bound_at = ? WHERE sid = ? AND ended_at IS NULL RETURNING sid",
        )
        .bind(millis(now))
        .bind(sid.to_string());
        self.change(update, events).await
    }

    async fn update_authenticated_at(
        &self,
        sid: Sid,
        update: &AuthenticationUpdate,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let AuthenticationUpdate {
            version,
            previous,
            factors,
            now,
        } = update;
        let write = sqlx::query(
            "UPDATE logins SET authenticated_at = ?1, amr = ?5 \
             WHERE sid = ?2 AND ended_at IS NULL AND expires_at > ?1 \
                 AND authenticated_at = coalesce(?3, authenticated_at) AND EXISTS (\
                 SELECT 1 FROM users WHERE id = logins.user_id \
                     AND authentication_version = ?4 AND disabled_at IS NULL) RETURNING sid",
        )
        .bind(millis(*now))
        .bind(sid.to_string())
        .bind(previous.map(millis))
        .bind(version.0)
        .bind(factors.to_string());
        let mut write = Write::from(write);
        if factors.contains(Factor::Password) {
            write = write.then(mark_password_used(sid, *now));
        }
        self.change(write, events).await
    }

    async fn end_login(
        &self,
        sid: Sid,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let ended = self.end(LoginFilter::These(vec![sid]), reason, now, events);
        Ok(ended.await? == 1)
    }

    async fn end_login_of(
        &self,
        user: UserId,
        sid: Sid,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let filter = LoginFilter::OneOf(user, sid);
        Ok(self.end(filter, reason, now, events).await? == 1)
    }

    async fn end_logins_of(
        &self,
        user: UserId,
        except: Option<Sid>,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<u64, StoreError> {
        let filter = LoginFilter::all_of(user, except);
        self.end(filter, reason, now, events).await
    }

    async fn end_every_login(
        &self,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<u64, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let ended = end_logins(&mut transaction, &LoginFilter::All, reason, now).await?;
        audit::commit(transaction, events).await?;
        Ok(ended)
    }

    async fn purge(&self, before: OffsetDateTime) -> Result<(), StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        sqlx::query("DELETE FROM logins WHERE expires_at < ?")
            .bind(millis(before))
            .run(&mut transaction)
            .await?;
        sqlx::query("DELETE FROM revocations WHERE expires_at < ?")
            .bind(millis(before))
            .run(&mut transaction)
            .await?;
        sqlx::query("DELETE FROM trusted_browsers WHERE expires_at < ?")
            .bind(millis(before))
            .run(&mut transaction)
            .await?;
        sqlx::query("DELETE FROM known_places WHERE last_seen_at < ?")
            .bind(millis(before - KNOWN_LOCATION_TTL))
            .run(&mut transaction)
            .await?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(())
    }
}

/// The statement that notes the use of the password of a login. The use of other credentials is noted when they are verified.
pub(super) fn mark_password_used(sid: Sid, now: OffsetDateTime) -> Statement {
    sqlx::query(
        "UPDATE credentials SET last_used_at = ? \
         WHERE kind = 'password' AND user_id = (SELECT user_id FROM logins WHERE sid = ?)",
    )
    .bind(millis(now))
    .bind(sid.to_string())
}
