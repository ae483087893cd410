//! Streams of security events.

use async_trait::async_trait;
use holdfast_identity::{
    audit::AuditEvent,
    id::StreamId,
    login::EndReason,
    oauth::ClientId,
    signals::{
        CredentialChange, Initiator, RequestedEvents, Signal, SignalKind, SignalStream,
        StreamStatus, StreamText,
    },
    store::{SignalStore, StoreError},
};
use holdfast_store_sql::{
    column::millis,
    signal::{
        CREDENTIAL_CHANGE, SESSION_REVOKED, SIGNAL, VERIFICATION, change_detail, receives, signal,
        stream,
    },
    unavailable,
};
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite, Transaction};
use time::OffsetDateTime;

use crate::{SqliteStore, group_commit::Statement, query::RunQuery as _};

/// The statement that stores the ends of the live logins that meet a condition. Its first two arguments are the initiator and the time, the
/// others are those of the condition.
fn insertion_of_logins(condition: &str) -> String {
    let receives = receives(SignalKind::SessionRevoked);
    format!(
        "INSERT INTO stream_events (stream_id, kind, sid, user_id, initiator, at) \
         SELECT event_streams.stream_id, '{SESSION_REVOKED}', logins.sid, logins.user_id, ?, ? \
         FROM event_streams CROSS JOIN logins \
         WHERE logins.ended_at IS NULL AND {condition} AND {receives} \
             AND EXISTS (SELECT 1 FROM grants WHERE grants.sid = logins.sid) ORDER BY logins.created_at, logins.sid"
    )
}

/// Stores the ends of the live logins that meet a condition, before they end.
pub(super) async fn insert_of_logins(
    transaction: &mut Transaction<'_, Sqlite>,
    (condition, values): (&str, &[String]),
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let mut query = sqlx::query(AssertSqlSafe(insertion_of_logins(condition)))
        .bind(Initiator::of(reason).as_str())
        .bind(millis(now));
    for value in values {
        query = query.bind(value);
    }
    query.run(transaction).await?;
    Ok(())
}

/// The statements that store the changes of credentials that an audit event records.
pub(super) fn insert_of_audit_event(event: &AuditEvent) -> Vec<Statement> {
    let Some(user) = event.user else {
        return Vec::new();
    };
    let receives = receives(SignalKind::CredentialChange);
    let insert = |change: CredentialChange| {
        let sql = format!(
            "INSERT INTO stream_events (stream_id, kind, user_id, initiator, detail, at) \
             SELECT stream_id, '{CREDENTIAL_CHANGE}', ?, ?, ?, ? FROM event_streams WHERE {receives}"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .bind(change.initiator.as_str())
            .bind(change_detail(&change))
            .bind(millis(event.at))
    };
    let changes = CredentialChange::of(event.kind).into_iter();
    changes.map(insert).collect()
}

#[async_trait]
impl SignalStore for SqliteStore {
    async fn insert_stream(&self, stream: &SignalStream) -> Result<bool, StoreError> {
        let insert = sqlx::query(
            "INSERT INTO event_streams (stream_id, client_id, status, reason, requested, description, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING stream_id",
        )
        .bind(stream.id.to_string())
        .bind(stream.client.to_string())
        .bind(stream.status.as_str())
        .bind(text(stream.reason.as_ref()))
        .bind(requested(stream))
        .bind(text(stream.description.as_ref()))
        .bind(millis(stream.created_at));
        self.change(insert, &[]).await
    }

    async fn stream(&self, client: &ClientId) -> Result<Option<SignalStream>, StoreError> {
        let row = sqlx::query("SELECT * FROM event_streams WHERE client_id = ?")
            .bind(client.as_str())
            .first_row(&mut *self.read().await?)
            .await?;
        row.as_ref().map(stream).transpose()
    }

    async fn update_stream(&self, stream: &SignalStream) -> Result<bool, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let updated = sqlx::query(
            "UPDATE event_streams SET status = ?, reason = ?, requested = ?, description = ? WHERE client_id = ? AND stream_id = ?",
        )
        .bind(stream.status.as_str())
        .bind(text(stream.reason.as_ref()))
        .bind(requested(stream))
        .bind(text(stream.description.as_ref()))
        .bind(stream.client.as_str())
        .bind(stream.id.to_string())
        .run(&mut transaction)
        .await?;
        if stream.status == StreamStatus::Disabled {
            delete_events(&mut transaction, stream.id).await?;
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(updated == 1)
    }

    async fn delete_stream(&self, client: &ClientId, id: StreamId) -> Result<bool, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let deleted =
            sqlx::query("DELETE FROM event_streams WHERE client_id = ? AND stream_id = ?")
                .bind(client.as_str())
                .bind(id.to_string())
                .run(&mut transaction)
                .await?;
        if deleted == 1 {
            delete_events(&mut transaction, id).await?;
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(deleted == 1)
    }

    async fn replace_verification(
        &self,
        stream: StreamId,
        state: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        sqlx::query("DELETE FROM stream_events WHERE stream_id = ? AND kind = ?")
            .bind(stream.to_string())
            .bind(VERIFICATION)
            .run(&mut transaction)
            .await?;
        sqlx::query("INSERT INTO stream_events (stream_id, kind, detail, at) VALUES (?, ?, ?, ?)")
            .bind(stream.to_string())
            .bind(VERIFICATION)
            .bind(state)
            .bind(millis(now))
            .run(&mut transaction)
            .await?;
        transaction.commit().await.map_err(unavailable)
    }

    async fn signals(&self, stream: StreamId, limit: u32) -> Result<Vec<Signal>, StoreError> {
        let sql =
            format!("SELECT {SIGNAL} FROM stream_events WHERE stream_id = ? ORDER BY id LIMIT ?");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(stream.to_string())
            .bind(limit)
            .rows(&mut *self.read().await?)
            .await?;
        rows.iter().map(signal).collect()
    }

    async fn remove_signals(&self, stream: StreamId, numbers: &[i64]) -> Result<(), StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new("DELETE FROM stream_events WHERE stream_id = ");
        sql.push_bind(stream.to_string()).push(" AND id IN (");
        let mut list = sql.separated(", ");
        for number in numbers {
            list.push_bind(*number);
        }
        sql.push(")");
        sql.build().run(&mut *self.write().await?).await?;
        Ok(())
    }

    async fn purge_signals(&self, before: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM stream_events WHERE at < ?")
            .bind(millis(before))
            .run(&mut *self.write().await?)
            .await?;
        Ok(())
    }
}

async fn delete_events(
    transaction: &mut Transaction<'_, Sqlite>,
    stream: StreamId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM stream_events WHERE stream_id = ?")
        .bind(stream.to_string())
        .run(transaction)
        .await?;
    Ok(())
}

fn text(text: Option<&StreamText>) -> Option<String> {
    text.map(|text| text.as_str().to_owned())
}

fn requested(stream: &SignalStream) -> Option<String> {
    let requested = stream.requested.as_ref();
    requested.map(RequestedEvents::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::plan_of;

    #[tokio::test]
    async fn ends_are_stored_by_login() {
        for (condition, index) in [("sid = ?", "sid"), ("user_id = ?", "user_id")] {
            let steps = plan_of(&insertion_of_logins(condition)).await;
            let mut of_logins = steps.iter().filter(|step| step.contains("logins"));
            let is_by_index = |step: &String| step.contains(&format!("({index}=?"));
            assert!(of_logins.next().is_some_and(is_by_index), "{steps:#?}");
            assert!(of_logins.next().is_none(), "{steps:#?}");
        }
    }
}
