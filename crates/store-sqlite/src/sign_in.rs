//! Sign-in.

use futures_util::future::try_join_all;
use holdfast_identity::{
    authentication::{Factor, KeyedHash},
    id::Sid,
    login::{EndReason, MAX_LIVE_LOGINS, NewLogin},
    store::StoreError,
};
use holdfast_store_sql::{
    SqlRow as _,
    column::{client_kind, millis},
    known_location::{LOCATION_INTERVAL, MAX_LOCATIONS, bytes},
    login_filter::LoginFilter,
    parse,
    sign_in::{SignInWrites, StartedLogin},
};

use crate::{
    SqliteStore, audit, group_commit::Write, logins::mark_password_used, query::RunQuery as _,
    revocations::end_logins,
};

impl SignInWrites for SqliteStore {
    /// With one write of the group commit.
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
        if login.factors.contains(Factor::Password) {
            write = write.then(mark_password_used(login.sid, login.created_at));
        }
        let rows = self.commit(write).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let (live, known) = (row.integer("live")?, row.integer("known")?);
        Ok(Some(StartedLogin::new(login, live, known)))
    }

    async fn store_locations(&self, login: &NewLogin) -> Result<(), StoreError> {
        let inserts = login.known_locations.all().map(|KeyedHash(place)| {
            sqlx::query(
                "INSERT INTO known_places (user_id, place, last_seen_at) \
                 SELECT user_id, ?, ? FROM logins WHERE sid = ? AND ended_at IS NULL \
                 ON CONFLICT DO UPDATE SET last_seen_at = excluded.last_seen_at",
            )
            .bind(place.to_vec())
            .bind(millis(login.created_at))
            .bind(login.sid.to_string())
        });
        let trim = sqlx::query(
            "DELETE FROM known_places WHERE user_id = ?1 AND place NOT IN (\
                 SELECT place FROM known_places WHERE user_id = ?1 ORDER BY last_seen_at DESC LIMIT ?2)",
        )
        .bind(login.user_id.to_string())
        .bind(MAX_LOCATIONS);
        // Queued together, and run in this order.
        let all = inserts
            .chain([trim])
            .map(|statement| self.commit(statement));
        try_join_all(all).await.map(drop)
    }

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
        let sids = surplus.iter().map(|row| parse(row, "sid"));
        let sids: Vec<Sid> = sids.collect::<Result<_, _>>()?;
        let (filter, now) = (LoginFilter::These(sids.clone()), started.created_at);
        end_logins(&mut transaction, &filter, EndReason::TooMany, now).await?;
        audit::commit(transaction, &started.surplus_events(&sids)).await?;
        Ok(sids)
    }
}
