//! Deletion of what has expired: logins, revocations and audit events.

use std::{sync::Arc, time::Duration};

use holdfast_core::steady_clock::SteadyClock;
use holdfast_identity::{leeway::LEEWAY, store::Store};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// The time between two deletions.
const PURGE_INTERVAL: Duration = Duration::from_hours(1);

/// Deletes, at the start and each hour until `shutdown`, the logins and revocations that have expired and the audit events that are older
/// than `audit_retention`.
pub(super) async fn purge_regularly(
    store: Arc<dyn Store>,
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
        if let Err(error) = store.purge(now - LEEWAY).await {
            tracing::error!(
                event = "retention.purge_failed",
                %error,
                "expired logins were not deleted; retrying in an hour"
            );
        }
        if let Err(error) = store.purge_events(now - audit_retention).await {
            tracing::error!(
                event = "retention.audit_failed",
                %error,
                "expired audit events were not deleted; retrying in an hour"
            );
        }
    }
}
