//! The audit trail of this process: log lines, and the queue of events that report no change.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_identity::{
    audit::{AuditEvent, AuditKind, AuditTrail},
    store::AuditLog,
};
use holdfast_metrics::{Counters, Registry};
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

/// Maximum number of events that wait to be written.
const QUEUE_LENGTH: usize = 8192;
/// Maximum number of events in one transaction.
const BATCH: usize = 500;

/// Time between two transactions.
const PAUSE: Duration = Duration::from_millis(100);

static EVENTS: LazyLock<Counters<1>> = LazyLock::new(Counters::default);

/// Adds the audit events to a registry.
pub fn register(registry: &mut Registry) {
    // Series that exist from the start can be compared with later.
    for kind in AuditKind::ALL {
        drop(EVENTS.get_or_create(&[("kind", kind.as_str())]));
    }
    registry.register(
        "audit_events",
        "Audit events by kind: sign-ins, refusals, revocations, changes of accounts",
        EVENTS.clone(),
    );
}

static LOST: LogRateLimiter = LogRateLimiter::new("audit.not_stored");

/// Logs each event (target `audit`), and writes those that were not stored with a change in the background, many in one transaction.
pub struct BackgroundAuditTrail(mpsc::Sender<AuditEvent>);

impl BackgroundAuditTrail {
    /// Starts the task that writes. It ends when the trail is dropped and all events are written.
    #[must_use]
    pub fn start(store: Arc<dyn AuditLog>) -> (Self, JoinHandle<()>) {
        let (events, queue) = mpsc::channel(QUEUE_LENGTH);
        (Self(events), tokio::spawn(write_all(store, queue)))
    }
}

async fn write_all(store: Arc<dyn AuditLog>, mut queue: mpsc::Receiver<AuditEvent>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        if let Err(error) = store.append_events(&batch).await {
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

/// Logs each event. For a command: it only makes changes, with which their events are stored.
pub struct AuditLogLines;

impl AuditTrail for AuditLogLines {
    fn record(&self, event: AuditEvent) {
        self.log(&event);
    }

    fn log(&self, event: &AuditEvent) {
        EVENTS.get_or_create(&[("kind", event.kind.as_str())]).inc();
        tracing::info!(
            target: "audit",
            event = "audit.recorded",
            kind = event.kind.as_str(),
            user = event.user.map(tracing::field::display),
            sid = event.sid.map(tracing::field::display),
            client = event.client.as_ref().map(tracing::field::display),
            actor = event.actor.map(tracing::field::display),
            ip_address = event.source.ip_address.map(tracing::field::display),
            request_id = event.source.request_id,
            "audit"
        );
    }
}

impl AuditTrail for BackgroundAuditTrail {
    fn record(&self, event: AuditEvent) {
        self.log(&event);
        if self.0.try_send(event).is_err() {
            LOST.log(|lost| {
                tracing::error!(
                    event = "audit.not_stored",
                    lost,
                    "audit events could not be stored; they are only in the log"
                );
            });
        }
    }

    fn log(&self, event: &AuditEvent) {
        AuditLogLines.log(event);
    }
}
