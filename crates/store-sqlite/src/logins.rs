//! Logins.

use async_trait::async_trait;
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_identity::{
    account::User,
    audit::AuditEvent,
    authentication::{Factor, KNOWN_LOCATION_TTL, KnownLocations, LocationTrust},
    id::{Sid, UserId},
    login::{AuthenticationUpdate, EndReason, Login, LoginRecord, MAX_LIVE_LOGINS, NewLogin},
    store::{LoginStore, StoreError},
};
use holdfast_store_sql::{
    SqlRow as _,
    account::{self, PASSWORD, USER},
    column::{client_kind, millis},
    known_location::{LOCATION_INTERVAL, bytes},
    login, parse, unavailable,
};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use crate::{
    SqliteStore, audit,
    group_commit::{Statement, Write},
    query::RunQuery as _,
    revocations::{LoginFilter, end_logins},
};

static LOCATION_NOT_STORED: LogRateLimiter = LogRateLimiter::new();
static SURPLUS_NOT_ENDED: LogRateLimiter = LogRateLimiter::new();

#[async_trait]
impl LoginStore for SqliteStore {
    async fn insert_login(&self, login: &NewLogin) -> Result<Option<Vec<Sid>>, StoreError> {
        let Some(started) = self.start_login(login).await? else {
            return Ok(None);
        };
        // The login is stored; what fails from here on, the next sign-in repeats.
        if started.has_new_location
            && let Err(error) = self.store_locations(login).await
        {
            LOCATION_NOT_STORED.log(|logins| {
                tracing::warn!(
                    event = "known_location.not_stored",
                    %error,
                    logins,
                    "a known location was not stored; the next sign-in from there stores it"
                );
            });
        }
        if !started.has_surplus {
            return Ok(Some(Vec::new()));
        }
        let ended = self.end_surplus(login).await.unwrap_or_else(|error| {
            SURPLUS_NOT_ENDED.log(|logins| {
                tracing::warn!(
                    event = "login.surplus_not_ended",
                    %error,
                    logins,
                    "surplus logins of an account were not ended; the next sign-in ends them"
                );
            });
            Vec::new()
        });
        Ok(Some(ended))
    }

    async fn location_trust(
        &self,
        user: UserId,
        locations: KnownLocations,
        since: OffsetDateTime,
    ) -> Result<LocationTrust, StoreError> {
        self.known_location_trust(user, locations, since).await
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
            factor,
            now,
        } = update;
        let write = sqlx::query(
            "UPDATE logins SET authenticated_at = ?1 \
             WHERE sid = ?2 AND ended_at IS NULL AND expires_at > ?1 \
                 AND authenticated_at = coalesce(?3, authenticated_at) AND EXISTS (\
                 SELECT 1 FROM users WHERE id = logins.user_id \
                     AND authentication_version = ?4 AND disabled_at IS NULL) RETURNING sid",
        )
        .bind(millis(*now))
        .bind(sid.to_string())
        .bind(previous.map(millis))
        .bind(version.0);
        let used = mark_used(sid, *factor, *now);
        self.change(Write::from(write).then(used), events).await
    }

    async fn end_login(
        &self,
        sid: Sid,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let ended = self.end(LoginFilter::One(sid), reason, now, events);
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
        let filter = except.map_or(LoginFilter::AllOf(user), |sid| {
            LoginFilter::AllOfBut(user, sid)
        });
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
        sqlx::query("DELETE FROM known_places WHERE last_seen_at < ?")
            .bind(millis(before - KNOWN_LOCATION_TTL))
            .run(&mut transaction)
            .await?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(())
    }
}

/// The statement that notes the use of the credential that gave `factor` in a login.
fn mark_used(sid: Sid, factor: Factor, now: OffsetDateTime) -> Statement {
    sqlx::query(
        "UPDATE credentials SET last_used_at = ? \
         WHERE kind = ? AND user_id = (SELECT user_id FROM logins WHERE sid = ?)",
    )
    .bind(millis(now))
    .bind(factor.credential_kind().as_str())
    .bind(sid.to_string())
}

/// What remains to be done for a login that has started; usually nothing.
struct StartedLogin {
    /// Whether one of its locations is not known, or was last stored more than [`LOCATION_INTERVAL`] ago.
    has_new_location: bool,
    /// Whether the account has more than [`MAX_LIVE_LOGINS`].
    has_surplus: bool,
}

impl SqliteStore {
    /// Inserts a login with one write of the group commit. `None`: the account is disabled, its authentication version has changed, or the
    /// `sid` exists.
    async fn start_login(&self, login: &NewLogin) -> Result<Option<StartedLogin>, StoreError> {
        let insert = sqlx::query(
            "INSERT INTO logins (sid, user_id, client_kind, ip_address, user_agent, amr, \
                                 created_at, authenticated_at, last_seen_at, expires_at) \
             SELECT ?1, id, ?2, ?3, ?4, ?5, ?6, ?6, ?6, ?7 FROM users \
             WHERE id = ?8 AND authentication_version = ?9 AND disabled_at IS NULL \
             ON CONFLICT (sid) DO NOTHING \
             RETURNING (SELECT count(*) FROM logins AS own WHERE own.user_id = ?8 \
                            AND own.ended_at IS NULL AND own.expires_at > ?6) AS live, \
                       (SELECT count(*) FROM known_places WHERE user_id = ?8 \
                            AND place IN (?10, ?11) AND last_seen_at > ?12) AS known",
        )
        .bind(login.sid.to_string())
        .bind(client_kind(login.client.kind))
        .bind(login.client.ip_address.map(|address| address.to_string()))
        .bind(login.client.user_agent.clone())
        .bind(login.factors.to_string())
        .bind(millis(login.created_at))
        .bind(millis(login.expires_at))
        .bind(login.user_id.to_string())
        .bind(login.authentication_version.0)
        .bind(bytes(login.known_locations.device))
        .bind(bytes(login.known_locations.address))
        .bind(millis(login.created_at - LOCATION_INTERVAL));
        let mut write = Write::from(insert).with_events(&login.events);
        for factor in login.factors.iter() {
            write = write.then(mark_used(login.sid, factor, login.created_at));
        }
        let rows = self.commit(write).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let (live, known) = (row.integer("live")?, row.integer("known")?);
        let locations = login.known_locations.all().count();
        Ok(Some(StartedLogin {
            has_new_location: usize::try_from(known) != Ok(locations),
            has_surplus: live > i64::from(MAX_LIVE_LOGINS),
        }))
    }

    /// Ends the logins of an account that were used longest ago, except the one that has just started, until [`MAX_LIVE_LOGINS`] remain;
    /// returns their `sid`s.
    async fn end_surplus(&self, started: &NewLogin) -> Result<Vec<Sid>, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let surplus = sqlx::query(
            "SELECT sid FROM logins \
             WHERE user_id = ? AND ended_at IS NULL AND expires_at > ? AND sid <> ? \
             ORDER BY last_seen_at DESC, created_at DESC, sid LIMIT -1 OFFSET ?",
        )
        .bind(started.user_id.to_string())
        .bind(millis(started.created_at))
        .bind(started.sid.to_string())
        .bind(MAX_LIVE_LOGINS - 1)
        .rows(&mut transaction)
        .await?;
        let mut ended = Vec::new();
        for row in &surplus {
            let sid = parse(row, "sid")?;
            let (filter, now) = (LoginFilter::One(sid), started.created_at);
            end_logins(&mut transaction, &filter, EndReason::TooMany, now).await?;
            ended.push(sid);
        }
        let events = started.surplus_events(&ended);
        audit::commit(transaction, &events).await?;
        Ok(ended)
    }
}
