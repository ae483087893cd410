//! The audit trail: written in the background, many events in one transaction.

use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_identity::{
    audit::{AuditEvent, AuditKind, AuditQuery, AuditRecord, AuditTrail, RequestSource},
    oauth::ClientId,
    store::StoreError,
};
use sqlx::{QueryBuilder, Row as _, Sqlite, sqlite::SqliteRow};
use time::OffsetDateTime;
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

use crate::{
    SqliteStore,
    row::{self, millis},
    unavailable,
};

/// How many events may wait to be written, and how many are written at once.
const WAITING: usize = 8192;
const BATCH: usize = 500;

/// What comes within this time of the last write is written together.
const PAUSE: Duration = Duration::from_millis(100);

static LOST: LogRateLimiter = LogRateLimiter::new();

/// The trail of a store.
pub struct SqliteAudit {
    store: SqliteStore,
    events: mpsc::Sender<AuditEvent>,
}

impl SqliteAudit {
    /// Starts to write. The task ends when the trail is gone and all is written.
    #[must_use]
    pub fn start(store: SqliteStore) -> (Self, JoinHandle<()>) {
        let (events, waiting) = mpsc::channel(WAITING);
        let writer = tokio::spawn(write_all(store.clone(), waiting));
        (Self { store, events }, writer)
    }
}

async fn write_all(store: SqliteStore, mut waiting: mpsc::Receiver<AuditEvent>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        if let Err(error) = store.insert_events(&batch).await {
            let lost = batch.len();
            LOST.log(
                |_| tracing::error!(%error, lost, "audit events are in the log and nowhere else"),
            );
        }
        batch.clear();
        sleep(PAUSE).await;
    }
}

#[async_trait]
impl AuditTrail for SqliteAudit {
    fn record(&self, event: AuditEvent) {
        tracing::info!(
            target: "audit",
            kind = event.kind.as_str(),
            user = event.user.map(tracing::field::display),
            sid = event.sid.map(tracing::field::display),
            client = event.client.as_ref().map(tracing::field::display),
            actor = event.actor.map(tracing::field::display),
            ip_address = event.source.ip_address.map(tracing::field::display),
            request_id = event.source.request_id,
            "audit"
        );
        if self.events.try_send(event).is_err() {
            LOST.log(|lost| tracing::error!(lost, "audit events are in the log and nowhere else"));
        }
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
        let rows = sql
            .build()
            .fetch_all(&mut *self.store.read().await?)
            .await
            .map_err(unavailable)?;
        rows.iter().map(record).collect()
    }
}

impl SqliteStore {
    async fn insert_events(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new(
            "INSERT INTO audit_events (at, kind, user_id, sid, actor_id, ip_address, user_agent, request_id, client_id) ",
        );
        sql.push_values(events, |mut row, event| {
            row.push_bind(millis(event.at))
                .push_bind(event.kind.as_str())
                .push_bind(event.user.map(|id| id.to_string()))
                .push_bind(event.sid.map(|id| id.to_string()))
                .push_bind(event.actor.map(|id| id.to_string()))
                .push_bind(event.source.ip_address.map(|address| address.to_string()))
                .push_bind(event.source.user_agent.as_deref())
                .push_bind(event.source.request_id.as_deref())
                .push_bind(event.client.as_ref().map(ClientId::as_str));
        });
        sql.build()
            .execute(&mut *self.write().await?)
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    /// Forgets events that happened before `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn purge_events(&self, before: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM audit_events WHERE at < ?")
            .bind(millis(before))
            .execute(&mut *self.write().await?)
            .await
            .map_err(unavailable)?;
        Ok(())
    }
}

fn record(row: &SqliteRow) -> Result<AuditRecord, StoreError> {
    let kind: &str = row.try_get("kind").map_err(unavailable)?;
    let address: Option<&str> = row.try_get("ip_address").map_err(unavailable)?;
    Ok(AuditRecord {
        id: row.try_get("id").map_err(unavailable)?,
        event: AuditEvent {
            at: row::time(row, "at")?,
            kind: AuditKind::from_name(kind)
                .ok_or_else(|| StoreError::Corrupt(format!("an event of kind {kind:?}")))?,
            user: row::parse_optional(row, "user_id")?,
            sid: row::parse_optional(row, "sid")?,
            client: row::parse_optional(row, "client_id")?,
            actor: row::parse_optional(row, "actor_id")?,
            source: RequestSource {
                ip_address: address.and_then(|address| address.parse().ok()),
                user_agent: row.try_get("user_agent").map_err(unavailable)?,
                request_id: row.try_get("request_id").map_err(unavailable)?,
            },
        },
    })
}
