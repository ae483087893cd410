//! Ends of sessions that relying parties have not received yet.

use async_trait::async_trait;
use holdfast_identity::{
    id::{GrantId, UserId},
    login::EndReason,
    oauth::{ClientId, LogoutDelivery, LogoutReceiver},
    store::{LogoutDeliveryStore, StoreError},
};
use holdfast_store_sql::{
    column::millis,
    logout_delivery::{
        IS_LAST_OF_SESSION, LOGOUT_RECEIVERS, RECEIVES_LOGOUT, logout_delivery, logout_receiver,
    },
    optional_time,
};
use sqlx::{AssertSqlSafe, Sqlite, Transaction};
use time::OffsetDateTime;

use crate::{SqliteStore, query::RunQuery as _};

/// The statement that stores the ends of the sessions of the live grants that meet a condition on `logins` and `grants`. Its first two
/// arguments are the time, the others are those of the condition.
fn insertion(condition: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!(
        "INSERT INTO logout_deliveries (client_id, sid, user_id, ended_at, due_at) \
         SELECT DISTINCT grants.client_id, logins.sid, logins.user_id, ?, ? FROM logins \
             JOIN grants USING (sid) JOIN clients ON clients.id = grants.client_id \
         WHERE logins.ended_at IS NULL AND grants.ended_at IS NULL AND {RECEIVES_LOGOUT} AND {condition} \
         ON CONFLICT DO NOTHING"
    ))
}

/// The grants of an OAuth client in the live logins of an account. A join of the tables would read all grants of the client.
const OF_CONSENT: &str = "grants.client_id = ? AND grants.sid IN (SELECT sid FROM logins WHERE user_id = ? AND ended_at IS NULL)";

/// Stores the ends of the sessions in the live logins that meet a condition, before they end.
pub(super) async fn insert_of_logins(
    transaction: &mut Transaction<'_, Sqlite>,
    (condition, values): (&str, &[String]),
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let mut query = sqlx::query(insertion(condition))
        .bind(millis(now))
        .bind(millis(now));
    for value in values {
        query = query.bind(value);
    }
    query.run(transaction).await?;
    Ok(())
}

/// Stores the end of the session of a grant, if it ends with the grant, before the grant ends.
pub(super) async fn insert_of_grant(
    transaction: &mut Transaction<'_, Sqlite>,
    id: GrantId,
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let condition =
        format!("grants.id = ? AND grants.id <> grants.sid AND (? OR {IS_LAST_OF_SESSION})");
    sqlx::query(insertion(&condition))
        .bind(millis(now))
        .bind(millis(now))
        .bind(id.to_string())
        .bind(reason.ends_session())
        .run(transaction)
        .await?;
    Ok(())
}

/// Stores the ends of the sessions of an OAuth client in all logins of an account, before its grants end.
pub(super) async fn insert_of_consent(
    transaction: &mut Transaction<'_, Sqlite>,
    user: UserId,
    client: &ClientId,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(insertion(OF_CONSENT))
        .bind(millis(now))
        .bind(millis(now))
        .bind(client.as_str())
        .bind(user.to_string())
        .run(transaction)
        .await?;
    Ok(())
}

#[async_trait]
impl LogoutDeliveryStore for SqliteStore {
    async fn logout_receivers(&self) -> Result<Vec<LogoutReceiver>, StoreError> {
        let rows = sqlx::query(LOGOUT_RECEIVERS)
            .rows(&mut *self.read().await?)
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
             WHERE client_id = ? ORDER BY due_at, sid LIMIT ?",
        )
        .bind(client.as_str())
        .bind(limit)
        .rows(&mut *self.read().await?)
        .await?;
        rows.iter().map(logout_delivery).collect()
    }

    async fn oldest_logout(&self) -> Result<Option<OffsetDateTime>, StoreError> {
        let row = sqlx::query("SELECT min(ended_at) AS ended_at FROM logout_deliveries")
            .only_row(&mut *self.read().await?)
            .await?;
        optional_time(&row, "ended_at")
    }

    async fn defer_logout(
        &self,
        client: &ClientId,
        delivery: &LogoutDelivery,
        due_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let defer = sqlx::query(
            "UPDATE logout_deliveries SET attempts = attempts + 1, due_at = ? \
             WHERE client_id = ? AND sid = ? AND ended_at = ?",
        )
        .bind(millis(due_at))
        .bind(client.to_string())
        .bind(delivery.sid.to_string())
        .bind(millis(delivery.ended_at));
        self.commit(defer).await?;
        Ok(())
    }

    async fn remove_logouts_until(
        &self,
        client: &ClientId,
        until: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        sqlx::query("DELETE FROM logout_deliveries WHERE client_id = ? AND ended_at <= ?")
            .bind(client.as_str())
            .bind(millis(until))
            .run(&mut *self.write().await?)
            .await
    }

    async fn remove_logout(
        &self,
        client: &ClientId,
        delivery: &LogoutDelivery,
    ) -> Result<(), StoreError> {
        let remove = sqlx::query(
            "DELETE FROM logout_deliveries WHERE client_id = ? AND sid = ? AND ended_at = ?",
        )
        .bind(client.to_string())
        .bind(delivery.sid.to_string())
        .bind(millis(delivery.ended_at));
        self.commit(remove).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::assert_reads_grants_by_login;

    #[tokio::test]
    async fn ends_are_stored_by_login() {
        let last = format!("grants.id = ? AND {IS_LAST_OF_SESSION}");
        for condition in [OF_CONSENT, "logins.user_id = ?", "logins.sid = ?", &last] {
            assert_reads_grants_by_login(&insertion(condition).0).await;
        }
    }
}
