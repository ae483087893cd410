//! Sign-in.

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
    PostgresStore, audit,
    login_ends::end_logins,
    logins::mark_password_used,
    query::{RunQuery as _, answer},
};

impl SignInWrites for PostgresStore {
    async fn start_login(&self, login: &NewLogin) -> Result<Option<StartedLogin>, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
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
        if login.factors.contains(Factor::Password) {
            let used = mark_password_used(login.sid, login.created_at);
            used.run(&mut *transaction).await?;
        }
        audit::commit(transaction, &login.events).await?;
        let (earlier, known) = (row.integer("earlier")?, row.integer("known")?);
        Ok(Some(StartedLogin::new(login, earlier + 1, known)))
    }

    async fn store_locations(&self, login: &NewLogin) -> Result<(), StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        // Of sign-ins at once, each trims what the one before it has stored.
        sqlx::query("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE")
            .bind(login.user_id.to_string())
            .run(&mut *transaction)
            .await?;
        let live =
            sqlx::query("SELECT sid FROM logins WHERE sid = $1 AND ended_at IS NULL FOR SHARE")
                .bind(login.sid.to_string())
                .first_row(&mut *transaction)
                .await?;
        if live.is_none() {
            return Ok(());
        }
        for KeyedHash(place) in login.known_locations.all() {
            sqlx::query(
                "INSERT INTO known_places (user_id, place, last_seen_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (user_id, place) DO UPDATE SET last_seen_at = excluded.last_seen_at",
            )
            .bind(login.user_id.to_string())
            .bind(place.as_slice())
            .bind(millis(login.created_at))
            .run(&mut *transaction)
            .await?;
        }
        sqlx::query(
            "DELETE FROM known_places WHERE user_id = $1 AND place NOT IN (\
                 SELECT place FROM known_places WHERE user_id = $1 ORDER BY last_seen_at DESC LIMIT $2)",
        )
        .bind(login.user_id.to_string())
        .bind(i64::from(MAX_LOCATIONS))
        .run(&mut *transaction)
        .await?;
        answer(transaction.commit()).await
    }

    async fn end_surplus(&self, started: &NewLogin) -> Result<Vec<Sid>, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
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
}
