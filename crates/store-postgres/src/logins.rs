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
    login::{self, GRANT_RECORD, LOGIN},
    parse,
};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use crate::{
    DELETED_AT_ONCE, PostgresStore, audit,
    login_ends::{LoginFilter, count, end_logins},
    query::{RunQuery as _, Statement, answer, long},
};

static LOCATION_NOT_STORED: LogRateLimiter = LogRateLimiter::new();
static SURPLUS_NOT_ENDED: LogRateLimiter = LogRateLimiter::new();

#[async_trait]
impl LoginStore for PostgresStore {
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
            "SELECT {USER}, {LOGIN} FROM logins JOIN users ON users.id = logins.user_id {PASSWORD} \
             WHERE sid = $1"
        );
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(sid.to_string())
            .first_row(&self.pool)
            .await?;
        let Some(found) = found else { return Ok(None) };
        Ok(Some((login::login(&found)?, account::user(&found)?)))
    }

    async fn logins_of(
        &self,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<LoginRecord>, StoreError> {
        let mut transaction = self.begin().await?;
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
            .run(&self.pool)
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
            factor,
            now,
        } = update;
        let write = sqlx::query(
            "UPDATE logins SET authenticated_at = $1 \
             WHERE sid = $2 AND ended_at IS NULL AND expires_at > $1 \
                 AND authenticated_at = coalesce($3, authenticated_at) AND EXISTS (\
                 SELECT 1 FROM users WHERE id = logins.user_id \
                     AND authentication_version = $4 AND disabled_at IS NULL) RETURNING sid",
        )
        .bind(millis(*now))
        .bind(sid.to_string())
        .bind(previous.map(millis))
        .bind(version.0);
        let used = mark_used(sid, *factor, *now);
        Ok(self.change(write, vec![used], events).await?.is_some())
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
        Box::pin(long(async {
            let mut transaction = self.begin_long().await?;
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
            "DELETE FROM known_places WHERE (user_id, place) IN (\
                 SELECT user_id, place FROM known_places WHERE last_seen_at < $1 ORDER BY user_id, place LIMIT $2 FOR UPDATE SKIP LOCKED)",
            before - KNOWN_LOCATION_TTL,
        )
        .await
    }
}

/// The statement that notes the use of the credential that gave `factor` in a login.
fn mark_used(sid: Sid, factor: Factor, now: OffsetDateTime) -> Statement<'static> {
    sqlx::query(
        "UPDATE credentials SET last_used_at = $1 \
         WHERE kind = $2 AND user_id = (SELECT user_id FROM logins WHERE sid = $3)",
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

impl PostgresStore {
    /// Inserts a login. `None`: the account is disabled, its authentication version has changed, or the `sid` exists.
    async fn start_login(&self, login: &NewLogin) -> Result<Option<StartedLogin>, StoreError> {
        let mut transaction = self.begin().await?;
        // Until the commit: what ends all logins of the account finds this one, and sign-ins at once count each other.
        let owner = sqlx::query(
            "SELECT id FROM users WHERE id = $1 AND authentication_version = $2 AND disabled_at IS NULL FOR NO KEY UPDATE",
        )
        .bind(login.user_id.to_string())
        .bind(login.authentication_version.0)
        .first_row(&mut *transaction)
        .await?;
        if owner.is_none() {
            return Ok(None);
        }
        let inserted = sqlx::query(
            "INSERT INTO logins (sid, user_id, client_kind, ip_address, user_agent, amr, \
                                 created_at, authenticated_at, last_seen_at, expires_at) \
             VALUES ($1, $8, $2, $3, $4, $5, $6, $6, $6, $7) ON CONFLICT (sid) DO NOTHING \
             RETURNING (SELECT count(*) FROM logins AS own WHERE own.user_id = $8 \
                            AND own.ended_at IS NULL AND own.expires_at > $6) AS earlier, \
                       (SELECT count(*) FROM known_places WHERE user_id = $8 \
                            AND place IN ($9, $10) AND last_seen_at > $11) AS known",
        )
        .bind(login.sid.to_string())
        .bind(client_kind(login.client.kind))
        .bind(login.client.ip_address.map(|address| address.to_string()))
        .bind(login.client.user_agent.clone())
        .bind(login.factors.to_string())
        .bind(millis(login.created_at))
        .bind(millis(login.expires_at))
        .bind(login.user_id.to_string())
        .bind(bytes(login.known_locations.device))
        .bind(bytes(login.known_locations.address))
        .bind(millis(login.created_at - LOCATION_INTERVAL))
        .first_row(&mut *transaction)
        .await?;
        let Some(row) = inserted else { return Ok(None) };
        for factor in login.factors.iter() {
            let used = mark_used(login.sid, factor, login.created_at);
            used.run(&mut *transaction).await?;
        }
        audit::commit(transaction, &login.events).await?;
        let (earlier, known) = (row.integer("earlier")?, row.integer("known")?);
        let locations = login.known_locations.all().count();
        Ok(Some(StartedLogin {
            has_new_location: usize::try_from(known) != Ok(locations),
            has_surplus: earlier >= i64::from(MAX_LIVE_LOGINS),
        }))
    }

    /// Ends the logins of an account that were used longest ago, except the one that has just started, until [`MAX_LIVE_LOGINS`] remain;
    /// returns their `sid`s.
    async fn end_surplus(&self, started: &NewLogin) -> Result<Vec<Sid>, StoreError> {
        let mut transaction = self.begin().await?;
        // One at a time, so that two sign-ins at once do not end more than the surplus.
        sqlx::query("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE")
            .bind(started.user_id.to_string())
            .run(&mut *transaction)
            .await?;
        let surplus = sqlx::query(
            "SELECT sid FROM logins \
             WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 AND sid <> $3 \
             ORDER BY last_seen_at DESC, created_at DESC, sid OFFSET $4",
        )
        .bind(started.user_id.to_string())
        .bind(millis(started.created_at))
        .bind(started.sid.to_string())
        .bind(i64::from(MAX_LIVE_LOGINS - 1))
        .rows(&mut *transaction)
        .await?;
        let sids = surplus.iter().map(|row| parse(row, "sid"));
        let sids: Vec<Sid> = sids.collect::<Result<_, _>>()?;
        let (filter, now) = (LoginFilter::These(sids), started.created_at);
        let ended = end_logins(&mut transaction, &filter, EndReason::TooMany, now).await?;
        audit::commit(transaction, &started.surplus_events(&ended)).await?;
        Ok(ended)
    }

    /// Deletes some of the logins that expired before this time, with their grants; returns whether there may be more. Rows that another
    /// transaction has locked are left for the next time.
    async fn purge_logins(&self, before: OffsetDateTime) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
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
