//! Ends of sessions that relying parties have not received yet.

use async_trait::async_trait;
use holdfast_identity::{
    oauth::{ClientId, LogoutDelivery, LogoutReceiver},
    store::{LogoutDeliveryStore, StoreError},
};
use holdfast_store_sql::{
    column::millis,
    logout_delivery::{LOGOUT_RECEIVERS, RECEIVES_LOGOUT, logout_delivery, logout_receiver},
    optional_time,
};
use sqlx::{AssertSqlSafe, PgConnection};
use time::OffsetDateTime;

use crate::{PostgresStore, query::RunQuery as _};

/// The statement that stores the ends of the sessions of the grants that meet a condition on `logins` and `grants`. The argument with the
/// number `ended_at` is the time. Neither a login nor its grants end otherwise meanwhile, as its row is locked.
pub(super) fn insertion(condition: &str, ended_at: u8) -> String {
    format!(
        "INSERT INTO logout_deliveries (client_id, sid, user_id, ended_at, due_at) \
         SELECT DISTINCT grants.client_id, logins.sid, logins.user_id, ${ended_at}::BIGINT, ${ended_at}::BIGINT FROM logins \
             JOIN grants USING (sid) JOIN clients ON clients.id = grants.client_id \
         WHERE {RECEIVES_LOGOUT} AND {condition} ON CONFLICT DO NOTHING"
    )
}

/// Stores the ends of the sessions of these grants.
pub(super) async fn insert_of_grants(
    connection: &mut PgConnection,
    ids: &[String],
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(AssertSqlSafe(insertion("grants.id = ANY($1)", 2)))
        .bind(ids)
        .bind(millis(now))
        .run(connection)
        .await?;
    Ok(())
}

#[async_trait]
impl LogoutDeliveryStore for PostgresStore {
    async fn logout_receivers(&self) -> Result<Vec<LogoutReceiver>, StoreError> {
        let rows = sqlx::query(LOGOUT_RECEIVERS)
            .rows(&mut *self.connections.acquire().await?)
            .await?;
        rows.iter().map(logout_receiver).collect()
    }

    async fn logout_deliveries(
        &self,
        client: &ClientId,
        limit: u32,
    ) -> Result<Vec<LogoutDelivery>, StoreError> {
        let rows = sqlx::query(
            "SELECT sid, user_id, ended_at, attempts, due_at FROM logout_deliveries \
             WHERE client_id = $1 ORDER BY due_at, sid LIMIT $2",
        )
        .bind(client.as_str())
        .bind(i64::from(limit))
        .rows(&mut *self.connections.acquire().await?)
        .await?;
        rows.iter().map(logout_delivery).collect()
    }

    async fn oldest_logout(&self) -> Result<Option<OffsetDateTime>, StoreError> {
        let row = sqlx::query("SELECT min(ended_at) AS ended_at FROM logout_deliveries")
            .only_row(&mut *self.connections.acquire().await?)
            .await?;
        optional_time(&row, "ended_at")
    }

    async fn defer_logout(
        &self,
        client: &ClientId,
        delivery: &LogoutDelivery,
        due_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE logout_deliveries SET attempts = attempts + 1, due_at = $1 \
             WHERE client_id = $2 AND sid = $3 AND ended_at = $4",
        )
        .bind(millis(due_at))
        .bind(client.as_str())
        .bind(delivery.sid.to_string())
        .bind(millis(delivery.ended_at))
        .run(&mut *self.connections.acquire().await?)
        .await?;
        Ok(())
    }

    async fn remove_logouts_until(
        &self,
        client: &ClientId,
        until: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        sqlx::query("DELETE FROM logout_deliveries WHERE client_id = $1 AND ended_at <= $2")
            .bind(client.as_str())
            .bind(millis(until))
            .run(&mut *self.connections.acquire().await?)
            .await
    }

    async fn remove_logout(
        &self,
        client: &ClientId,
        delivery: &LogoutDelivery,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM logout_deliveries WHERE client_id = $1 AND sid = $2 AND ended_at = $3",
        )
        .bind(client.as_str())
        .bind(delivery.sid.to_string())
        .bind(millis(delivery.ended_at))
        .run(&mut *self.connections.acquire().await?)
        .await?;
        Ok(())
    }
}
