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
    unavailable,
};
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite, Transaction};
use time::OffsetDateTime;

use crate::{SqliteStore, group_commit::Statement, query::RunQuery as _, signals};

/// The statement that inserts an event. One for each, as the driver caches statements by their text.
fn insert(event: &AuditEvent) -> Statement {
    sqlx::query(
        "INSERT INTO audit_events (at, kind, user_id, sid, actor_id, ip_address, user_agent, request_id, client_id, trace_id) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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

/// The statements that insert an event, and the security events that follow from it.
pub(super) fn insert_with_signals(event: &AuditEvent) -> Vec<Statement> {
    let mut statements = vec![insert(event)];
    statements.extend(signals::insert_of_audit_event(event));
    statements
}

/// Commits a change together with its audit events.
pub(super) async fn commit(
    mut transaction: Transaction<'_, Sqlite>,
    events: &[AuditEvent],
) -> Result<(), StoreError> {
    for statement in events.iter().flat_map(insert_with_signals) {
        statement.run(&mut transaction).await?;
    }
    transaction.commit().await.map_err(unavailable)
}

/// The statement that reads the security events of an account.
fn security_events_sql() -> String {
    let (columns, is_security_event) = (AUDIT_EVENT, &*IS_SECURITY_EVENT);
    format!(
        "SELECT {columns} FROM (\
             SELECT {columns}, row_number() OVER (PARTITION BY kind ORDER BY id DESC) AS number FROM audit_events \
             WHERE user_id = ? AND {is_security_event} AND at >= ?) \
         WHERE number <= ? ORDER BY id DESC"
    )
}

#[async_trait]
impl AuditLog for SqliteStore {
    async fn append_events(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        let mut writer = self.write().await?;
        commit(writer.begin().await?, events).await
    }

    async fn events(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT * FROM audit_events WHERE TRUE");
        if let Some(user) = query.user {
            sql.push(" AND user_id = ").push_bind(user.to_string());
        }
        if let Some(kind) = query.kind {
            sql.push(" AND kind = ").push_bind(kind.as_str());
        }
        if let Some(before) = query.before {
            sql.push(" AND id < ").push_bind(before);
        }
        sql.push(" ORDER BY id DESC LIMIT ").push_bind(query.limit);
        let rows = sql.build().rows(&mut *self.read().await?).await?;
        rows.iter().map(audit_record).collect()
    }

    async fn security_events(
        &self,
        user: UserId,
        since: OffsetDateTime,
        per_kind: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let sql = security_events_sql();
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .bind(millis(since))
            .bind(per_kind)
            .rows(&mut *self.read().await?)
            .await?;
        rows.iter().map(audit_record).collect()
    }

    async fn purge_events(&self, before: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM audit_events WHERE at < ?")
            .bind(millis(before))
            .run(&mut *self.write().await?)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::plan_of;

    #[tokio::test]
    async fn security_events_are_read_by_their_index() {
        let steps = plan_of(&security_events_sql()).await;
        let reads = steps.iter().filter(|step| step.contains("audit_events"));
        let reads: Vec<_> = reads.collect();
        assert_eq!(reads.len(), 1, "{steps:?}");
        assert!(reads[0].contains("security_events_by_user"), "{steps:?}");
    }
}
