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
    SqlRow as _,
    account::{self, PASSWORD, USER},
    column::millis,
    known_location::{bytes, trust},
    login::{self, GRANT_RECORD, LOGIN},
    login_filter::LoginFilter,
    sign_in::insert_login,
};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use crate::{
    DELETED_AT_ONCE, PostgresStore, audit,
    login_ends::{count, end_logins},
    query::{RunQuery as _, Statement, answer, long},
};

#[async_trait]
impl LoginStore for PostgresStore {
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
             WHERE user_id = $1 AND place IN ($2, $3) AND last_seen_at > $4",
        )
        .bind(user.to_string())
        .bind(bytes(locations.device))
        .bind(bytes(locations.address))
        .bind(millis(since))
        .rows(&mut *self.connections.acquire().await?)
        .await?;
        trust(&rows, locations)
    }

    async fn login(&self, sid: Sid) -> Result<Option<(Login, User)>, StoreError> {
        let sql = format!(
            "SELECT {USER}, {LOGIN} FROM logins JOIN users ON users.id = logins.user_id {PASSWORD} \
             WHERE sid = $1"
        );
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(sid.to_string())
            .first_row(&mut *self.connections.acquire().await?)
            .await?;
        let Some(found) = found else { return Ok(None) };
        Ok(Some((login::login(&found)?, account::user(&found)?)))
    }

    async fn logins_of(
        &self,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<LoginRecord>, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .run(&mut *transaction)
            .await?;
        let live = format!(
            "SELECT {LOGIN} FROM logins WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 \
             ORDER BY last_seen_at DESC, created_at DESC, sid"
        );
        let rows = sqlx::query(AssertSqlSafe(live))
            .bind(user.to_string())
            .bind(millis(now))
            .rows(&mut *transaction)
            .await?;
        let own = format!(
            "SELECT {GRANT_RECORD} FROM logins JOIN grants USING (sid) \
             WHERE user_id = $1 AND logins.ended_at IS NULL AND expires_at > $2 AND grants.ended_at IS NULL \
             ORDER BY grants.created_at, grants.id"
        );
        let grants = sqlx::query(AssertSqlSafe(own))
            .bind(user.to_string())
            .bind(millis(now))
            .rows(&mut *transaction)
            .await?;
        login::login_records(&rows, &grants)
    }

    async fn update_last_seen(&self, sid: Sid, now: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query("UPDATE logins SET last_seen_at = $1 WHERE sid = $2 AND ended_at IS NULL")
            .bind(millis(now))
            .bind(sid.to_string())
            .run(&mut *self.connections.acquire().await?)
            .await?;
        Ok(())
    }

    async fn set_bound_at(
        &self,
        sid: Sid,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let update = sqlx::query(
            "UPDATE logins SET bound_at = $1 WHERE sid = $2 AND ended_at IS NULL RETURNING sid",
        )
        .bind(millis(now))
        .bind(sid.to_string());
        Ok(self.change(update, Vec::new(), events).await?.is_some())
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
            "UPDATE logins SET authenticated_at = $1, amr = $5 \
             WHERE sid = $2 AND ended_at IS NULL AND expires_at > $1 \
                 AND authenticated_at = coalesce($3, authenticated_at) AND EXISTS (\
                 SELECT 1 FROM users WHERE id = logins.user_id \
                     AND authentication_version = $4 AND disabled_at IS NULL) RETURNING sid",
        )
        .bind(millis(*now))
        .bind(sid.to_string())
        .bind(previous.map(millis))
        .bind(version.0)
        .bind(factors.to_string());
        let password = factors.contains(Factor::Password);
        let used = password.then(|| mark_password_used(sid, *now));
        let used = used.into_iter().collect();
        Ok(self.change(write, used, events).await?.is_some())
    }

    async fn end_login(
        &self,
        sid: Sid,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let filter = LoginFilter::These(vec![sid]);
        Ok(self.end(filter, reason, now, events).await? == 1)
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
        Box::pin(long(async {
            let mut connection = self.connections.acquire().await?;
            let mut transaction = connection.begin_long().await?;
            let ended = end_logins(&mut transaction, &LoginFilter::All, reason, now).await?;
            audit::commit(transaction, events).await?;
            Ok(count(&ended))
        }))
        .await
    }

    async fn purge(&self, before: OffsetDateTime) -> Result<(), StoreError> {
        while self.purge_logins(before).await? {}
        self.delete_before(
            "DELETE FROM revocations WHERE sequence IN (\
                 SELECT sequence FROM revocations WHERE expires_at < $1 ORDER BY sequence LIMIT $2 FOR UPDATE SKIP LOCKED)",
            before,
        )
        .await?;
        self.delete_before(
            "DELETE FROM trusted_browsers WHERE id IN (\
                 SELECT id FROM trusted_browsers WHERE expires_at < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)",
            before,
        )
        .await?;
        self.delete_before(
            "DELETE FROM known_places WHERE (user_id, place) IN (\
                 SELECT user_id, place FROM known_places WHERE last_seen_at < $1 ORDER BY user_id, place LIMIT $2 FOR UPDATE SKIP LOCKED)",
            before - KNOWN_LOCATION_TTL,
        )
        .await
    }
}

/// The statement that notes the use of the password of a login. The use of other credentials is noted when they are verified.
pub(super) fn mark_password_used(sid: Sid, now: OffsetDateTime) -> Statement<'static> {
    sqlx::query(
        "UPDATE credentials SET last_used_at = $1 \
         WHERE kind = 'password' AND user_id = (SELECT user_id FROM logins WHERE sid = $2)",
    )
    .bind(millis(now))
    .bind(sid.to_string())
}

impl PostgresStore {
    /// Deletes some of the logins that expired before this time, with their grants; returns whether there may be more. Rows that another
    /// transaction has locked are left for the next time.
    async fn purge_logins(&self, before: OffsetDateTime) -> Result<bool, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        let expired = sqlx::query(
            "SELECT sid FROM logins WHERE expires_at < $1 ORDER BY sid LIMIT $2 FOR UPDATE SKIP LOCKED",
        )
        .bind(millis(before))
        .bind(DELETED_AT_ONCE)
        .rows(&mut *transaction)
        .await?;
        let sids = expired.iter().map(|row| row.text("sid").map(str::to_owned));
        let sids: Vec<String> = sids.collect::<Result<_, _>>()?;
        sqlx::query("SELECT id FROM grants WHERE sid = ANY($1) ORDER BY id FOR UPDATE")
            .bind(&sids)
            .rows(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM logins WHERE sid = ANY($1)")
            .bind(&sids)
            .run(&mut *transaction)
            .await?;
        answer(transaction.commit()).await?;
        Ok(i64::try_from(sids.len()) == Ok(DELETED_AT_ONCE))
    }
}
