//! Deletion of what has expired: logins, revocations, audit events and security events.

use std::{sync::Arc, time::Duration};

use holdfast_core::steady_clock::SteadyClock;
use holdfast_identity::{leeway::LEEWAY, signals::EVENT_TTL, store::Store};
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::app::leases;

/// The time between two deletions.
const PURGE_INTERVAL: Duration = Duration::from_hours(1);

/// Deletes, at the start and each hour until `shutdown`, the logins and revocations that have expired and the audit events that are older
/// than `audit_retention`, unless another instance has done so while its lease lasts.
pub(super) async fn purge_regularly(
    (store, instance): (Arc<dyn Store>, String),
    steady: Arc<SteadyClock>,
    audit_retention: Duration,
    shutdown: CancellationToken,
) {
    let mut ticks = interval(PURGE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let now = steady.now();
        let lease = leases::RETENTION.acquire(&*store, &instance);
        // Without an answer the deletion says what is wrong.
        if matches!(lease.await, Ok(false)) {
            continue;
        }
        if !purge(&*store, now, audit_retention).await {
            // At its next turn another instance tries, too.
            leases::release(&*store, &instance).await;
        }
    }
}

/// Returns whether everything that has expired was deleted.
async fn purge(store: &dyn Store, now: OffsetDateTime, audit_retention: Duration) -> bool {
    let purged = store.purge(now - LEEWAY).await;
    if let Err(error) = &purged {
        tracing::error!(
            event = "retention.purge_failed",
            %error,
            "expired logins were not deleted; retrying in an hour"
        );
    }
    let events = store.purge_events(now - audit_retention).await;
    if let Err(error) = &events {
        tracing::error!(
            event = "retention.audit_failed",
            %error,
            "expired audit events were not deleted; retrying in an hour"
        );
    }
    let signals = store.purge_signals(now - EVENT_TTL).await;
    if let Err(error) = &signals {
        tracing::error!(
            event = "retention.signals_failed",
            %error,
            "expired security events were not deleted; retrying in an hour"
        );
    }
    purged.is_ok() && events.is_ok() && signals.is_ok()
}
