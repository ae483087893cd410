//! Streams of security events.

use async_trait::async_trait;
use holdfast_identity::{
    audit::AuditEvent,
    id::StreamId,
    oauth::ClientId,
    signals::{
        CredentialChange, RequestedEvents, Signal, SignalKind, SignalStream, StreamStatus,
        StreamText,
    },
    store::{SignalStore, StoreError},
};
use holdfast_store_sql::{
    column::millis,
    signal::{
        CREDENTIAL_CHANGE, SESSION_REVOKED, SIGNAL, STREAM, VERIFICATION, change_detail, receives,
        signal, stream,
    },
};
use sqlx::{AssertSqlSafe, PgConnection};
use time::OffsetDateTime;

use crate::{
    PostgresStore,
    query::{RunQuery as _, Statement, answer},
};

/// The statement that stores the ends of the logins in the list `$1`. The arguments with these numbers are the time and the initiator.
pub(super) fn insertion(ended_at: u8, initiator: u8) -> String {
    let receives = receives(SignalKind::SessionRevoked);
    format!(
        "INSERT INTO stream_events (stream_id, kind, sid, user_id, initiator, at) \
         SELECT event_streams.stream_id, '{SESSION_REVOKED}', logins.sid, logins.user_id, ${initiator}::TEXT, ${ended_at}::BIGINT \
         FROM event_streams CROSS JOIN logins WHERE logins.sid = ANY($1) AND {receives} \
             AND EXISTS (SELECT 1 FROM grants WHERE grants.sid = logins.sid) ORDER BY logins.created_at, logins.sid"
    )
}

/// The statements that store the changes of credentials that an audit event records.
pub(super) fn insert_of_audit_event(event: &AuditEvent) -> Vec<Statement<'static>> {
    let Some(user) = event.user else {
        return Vec::new();
    };
    let receives = receives(SignalKind::CredentialChange);
    let insert = |change: CredentialChange| {
        let sql = format!(
            "INSERT INTO stream_events (stream_id, kind, user_id, initiator, detail, at) \
             SELECT stream_id, '{CREDENTIAL_CHANGE}', $1, $2, $3, $4::BIGINT FROM event_streams WHERE {receives}"
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
impl SignalStore for PostgresStore {
    async fn insert_stream(&self, stream: &SignalStream) -> Result<bool, StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO event_streams (stream_id, client_id, status, reason, requested, description, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(stream.id.to_string())
        .bind(stream.client.as_str())
        .bind(stream.status.as_str())
        .bind(stream.reason.as_ref().map(StreamText::as_str))
        .bind(stream.requested.as_ref().map(RequestedEvents::as_str))
        .bind(stream.description.as_ref().map(StreamText::as_str))
        .bind(millis(stream.created_at))
        .run(&mut *self.connections.acquire().await?)
        .await?;
        Ok(inserted == 1)
    }

    async fn stream(&self, client: &ClientId) -> Result<Option<SignalStream>, StoreError> {
        let sql = format!("SELECT {STREAM} FROM event_streams WHERE client_id = $1");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(client.as_str())
            .first_row(&mut *self.connections.acquire().await?)
            .await?;
        row.as_ref().map(stream).transpose()
    }

    async fn update_stream(&self, stream: &SignalStream) -> Result<bool, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        let updated = sqlx::query(
            "UPDATE event_streams SET status = $1, reason = $2, requested = $3, description = $4 \
             WHERE client_id = $5 AND stream_id = $6",
        )
        .bind(stream.status.as_str())
        .bind(stream.reason.as_ref().map(StreamText::as_str))
        .bind(stream.requested.as_ref().map(RequestedEvents::as_str))
        .bind(stream.description.as_ref().map(StreamText::as_str))
        .bind(stream.client.as_str())
        .bind(stream.id.to_string())
        .run(&mut *transaction)
        .await?;
        if stream.status == StreamStatus::Disabled {
            delete_events(&mut transaction, stream.id).await?;
        }
        answer(transaction.commit()).await?;
        Ok(updated == 1)
    }

    async fn delete_stream(&self, client: &ClientId, id: StreamId) -> Result<bool, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        let deleted =
            sqlx::query("DELETE FROM event_streams WHERE client_id = $1 AND stream_id = $2")
                .bind(client.as_str())
                .bind(id.to_string())
                .run(&mut *transaction)
                .await?;
        if deleted == 1 {
            delete_events(&mut transaction, id).await?;
        }
        answer(transaction.commit()).await?;
        Ok(deleted == 1)
    }

    async fn replace_verification(
        &self,
        stream: StreamId,
        state: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        // The deletion comes first: the insertion does not see its row, and is not seen by it.
        let sql = "WITH replaced AS (DELETE FROM stream_events WHERE stream_id = $1 AND kind = $2) \
             INSERT INTO stream_events (stream_id, kind, detail, at) VALUES ($1, $2, $3, $4)";
        sqlx::query(sql)
            .bind(stream.to_string())
            .bind(VERIFICATION)
            .bind(state)
            .bind(millis(now))
            .run(&mut *self.connections.acquire().await?)
            .await?;
        Ok(())
    }

    async fn signals(&self, stream: StreamId, limit: u32) -> Result<Vec<Signal>, StoreError> {
        let sql =
            format!("SELECT {SIGNAL} FROM stream_events WHERE stream_id = $1 ORDER BY id LIMIT $2");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(stream.to_string())
            .bind(i64::from(limit))
            .rows(&mut *self.connections.acquire().await?)
            .await?;
        rows.iter().map(signal).collect()
    }

    async fn remove_signals(&self, stream: StreamId, numbers: &[i64]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM stream_events WHERE stream_id = $1 AND id = ANY($2)")
            .bind(stream.to_string())
            .bind(numbers)
            .run(&mut *self.connections.acquire().await?)
            .await?;
        Ok(())
    }

    async fn purge_signals(&self, before: OffsetDateTime) -> Result<(), StoreError> {
        self.delete_before(
            "DELETE FROM stream_events WHERE id IN (\
                 SELECT id FROM stream_events WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)",
            before,
        )
        .await
    }
}

async fn delete_events(connection: &mut PgConnection, stream: StreamId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM stream_events WHERE stream_id = $1")
        .bind(stream.to_string())
        .run(connection)
        .await?;
    Ok(())
}
