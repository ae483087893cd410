//! The audit trail, written in the background, with many events in one transaction.

use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_identity::{
    audit::{AuditEvent, AuditKind, AuditQuery, AuditRecord, AuditTrail, RequestSource},
    oauth::ClientId,
    store::StoreError,
};
use sqlx::{QueryBuilder, Sqlite, sqlite::SqliteRow};
use time::OffsetDateTime;
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

use crate::{
    SqliteStore,
    query::{RunQuery as _, get},
    row::{self, millis},
};

/// Maximum number of events that wait to be written.
const QUEUE_LENGTH: usize = 8192;
/// Maximum number of events in one transaction.
const BATCH: usize = 500;

/// Time between two transactions.
const PAUSE: Duration = Duration::from_millis(100);

static LOST: LogRateLimiter = LogRateLimiter::new();

/// The audit trail of a store. Each event is also a log line (target `audit`), which remains where the database cannot be written.
pub struct SqliteAudit {
    store: SqliteStore,
    events: mpsc::Sender<AuditEvent>,
}

impl SqliteAudit {
    /// Starts the task that writes. It ends when the trail is dropped and all events are written.
    #[must_use]
    pub fn start(store: SqliteStore) -> (Self, JoinHandle<()>) {
        let (events, queue) = mpsc::channel(QUEUE_LENGTH);
        let writer = tokio::spawn(write_all(store.clone(), queue));
        (Self { store, events }, writer)
    }
}

async fn write_all(store: SqliteStore, mut queue: mpsc::Receiver<AuditEvent>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        if let Err(error) = store.insert_events(&batch).await {
            let lost = batch.len();
            LOST.log(|_| {
                tracing::error!(
                    event = "audit.not_stored",
                    %error,
                    lost,
                    "audit events could not be stored; they are only in the log"
                );
            });
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
            LOST.log(|lost| {
                tracing::error!(
                    event = "audit.not_stored",
                    lost,
                    "audit events could not be stored; they are only in the log"
                );
            });
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
        let rows = sql.build().rows(&mut *self.store.read().await?).await?;
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
        sql.build().run(&mut *self.write().await?).await?;
        Ok(())
    }

    /// Deletes the events before this time.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn purge_events(&self, before: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM audit_events WHERE at < ?")
            .bind(millis(before))
            .run(&mut *self.write().await?)
            .await?;
        Ok(())
    }
}

fn record(row: &SqliteRow) -> Result<AuditRecord, StoreError> {
    let kind: &str = get(row, "kind")?;
    let address: Option<&str> = get(row, "ip_address")?;
    Ok(AuditRecord {
        id: get(row, "id")?,
        event: AuditEvent {
            at: row::time(row, "at")?,
            kind: AuditKind::from_name(kind).ok_or_else(|| {
                StoreError::Corrupt(format!("an audit event of the unknown kind {kind:?}"))
            })?,
            user: row::parse_optional(row, "user_id")?,
            sid: row::parse_optional(row, "sid")?,
            client: row::parse_optional(row, "client_id")?,
            actor: row::parse_optional(row, "actor_id")?,
            source: RequestSource {
                ip_address: address.and_then(|address| address.parse().ok()),
                user_agent: get(row, "user_agent")?,
                request_id: get(row, "request_id")?,
            },
        },
    })
}
