//! What is deleted for its age, and the clock that it is deleted by.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use holdfast_core::{clock::Clock, rate_limited_log::LogRateLimiter, steady_clock::SteadyClock};
use holdfast_identity::{store::Logins as _, token::LEEWAY};
use holdfast_store_sqlite::SqliteStore;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often what has expired is removed from the database.
const PURGE_INTERVAL: Duration = Duration::from_hours(1);

/// How often it is written down what time it is.
const CHECKPOINT_INTERVAL: Duration = Duration::from_mins(1);

static FAULTS: LogRateLimiter = LogRateLimiter::new();

/// The clock of a database: it goes on from where the last process on it was.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn steady_clock(
    store: &SqliteStore,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<SteadyClock>> {
    let earlier = store.checkpoint().await;
    let earlier = earlier.context("cannot read when the database was last in use")?;
    Ok(Arc::new(match earlier {
        Some(earlier) => SteadyClock::resume(clock, earlier),
        None => SteadyClock::new(clock),
    }))
}

/// Removes what is too old, until `shutdown`.
pub(super) async fn purge_regularly(
    store: SqliteStore,
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
            tracing::error!(%error, "expired logins could not be removed");
        }
        if let Err(error) = store.purge_events(now - audit_retention).await {
            tracing::error!(%error, "old audit events could not be removed");
        }
    }
}

/// Writes down what time it is, until `shutdown`.
pub(super) async fn keep_checkpoints(
    store: SqliteStore,
    steady: Arc<SteadyClock>,
    shutdown: CancellationToken,
) {
    let mut ticks = interval(CHECKPOINT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => keep_checkpoint(&store, &steady).await,
            () = shutdown.cancelled() => return,
        }
    }
}

/// Writes down what time it is, and believes what another process or an operator wrote.
pub(super) async fn keep_checkpoint(store: &SqliteStore, steady: &SteadyClock) {
    match store.keep_checkpoint(steady.checkpoint()).await {
        Ok(kept) => steady.believe(kept),
        Err(error) => FAULTS.log(|times| {
            tracing::error!(%error, times, "the time could not be written down");
        }),
    }
}
