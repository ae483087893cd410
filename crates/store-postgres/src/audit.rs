//! The stored audit events.

use async_trait::async_trait;
use holdfast_identity::{
    audit::{AuditEvent, AuditQuery, AuditRecord},
    id::UserId,
    store::{AuditLog, StoreError},
};
use holdfast_store_sql::{
    audit::{AUDIT_EVENT, IS_SECURITY_EVENT, audit_record},
    column::millis,
};
use sqlx::{AssertSqlSafe, Postgres, QueryBuilder, Transaction};
use time::OffsetDateTime;

use crate::{
    PostgresStore,
    query::{RunQuery as _, Statement, answer},
    signals,
};

/// The statement that inserts an event.
fn insert(event: &AuditEvent) -> Statement<'static> {
    sqlx::query(
        "INSERT INTO audit_events (at, kind, user_id, sid, actor_id, ip_address, user_agent, request_id, client_id, trace_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(millis(event.at))
    .bind(event.kind.as_str())
    .bind(event.user.map(|id| id.to_string()))
    .bind(event.sid.map(|id| id.to_string()))
    .bind(event.actor.map(|id| id.to_string()))
    .bind(event.source.ip_address.map(|address| address.to_string()))
    .bind(event.source.user_agent.clone())
    .bind(event.source.request_id.clone())
    .bind(event.client.as_ref().map(ToString::to_string))
    .bind(event.source.trace_id.clone())
}

/// Commits a change together with its audit events.
pub(super) async fn commit(
    mut transaction: Transaction<'_, Postgres>,
    events: &[AuditEvent],
) -> Result<(), StoreError> {
    for event in events {
        insert(event).run(&mut *transaction).await?;
        for signal in signals::insert_of_audit_event(event) {
            signal.run(&mut *transaction).await?;
        }
    }
    answer(transaction.commit()).await
}

#[async_trait]
impl AuditLog for PostgresStore {
    async fn append_events(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        let mut connection = self.connections.acquire().await?;
        commit(connection.begin().await?, events).await
    }

    async fn events(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(format!(
            "SELECT {AUDIT_EVENT} FROM audit_events WHERE TRUE"
        ));
        if let Some(user) = query.user {
            sql.push(" AND user_id = ").push_bind(user.to_string());
        }
        if let Some(kind) = query.kind {
            sql.push(" AND kind = ").push_bind(kind.as_str());
        }
        if let Some(before) = query.before {
            sql.push(" AND id < ").push_bind(before);
        }
        let limit = i64::from(query.limit);
        sql.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
        let rows = sql
            .build()
            .rows(&mut *self.connections.acquire().await?)
            .await?;
        rows.iter().map(audit_record).collect()
    }

    async fn security_events(
        &self,
        user: UserId,
        since: OffsetDateTime,
        per_kind: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let is_security_event = &*IS_SECURITY_EVENT;
        let sql = format!(
            "SELECT {AUDIT_EVENT} FROM (\
                 SELECT {AUDIT_EVENT}, row_number() OVER (PARTITION BY kind ORDER BY id DESC) AS number FROM audit_events \
                 WHERE user_id = $1 AND {is_security_event} AND at >= $2) AS numbered \
             WHERE number <= $3 ORDER BY id DESC"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .bind(millis(since))
            .bind(i64::from(per_kind))
            .rows(&mut *self.connections.acquire().await?)
            .await?;
        rows.iter().map(audit_record).collect()
    }

    async fn purge_events(&self, before: OffsetDateTime) -> Result<(), StoreError> {
        self.delete_before(
            "DELETE FROM audit_events WHERE id IN (\
                 SELECT id FROM audit_events WHERE at < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)",
            before,
        )
        .await
    }
}
