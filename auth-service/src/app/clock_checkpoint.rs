//! The steady clock of a database, which continues where the last process on that database stopped.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use holdfast_core::{clock::Clock, rate_limited_log::LogRateLimiter, steady_clock::SteadyClock};
use holdfast_identity::store::Store;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// The time between two stored checkpoints.
const CHECKPOINT_INTERVAL: Duration = Duration::from_mins(1);

static FAULTS: LogRateLimiter = LogRateLimiter::new("clock.checkpoint_failed");

/// The steady clock, resumed from the stored checkpoint if there is one.
///
/// # Errors
/// The store is unavailable.
pub(super) async fn steady_clock(
    store: &dyn Store,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<SteadyClock>> {
    let checkpoint = store.checkpoint().await;
    let checkpoint = checkpoint.context("cannot read the checkpoint of the clock")?;
    Ok(Arc::new(match checkpoint {
        Some(checkpoint) => SteadyClock::resume(clock, checkpoint),
        None => SteadyClock::new(clock),
    }))
}

/// Stores a checkpoint each minute, until `shutdown`.
pub(super) async fn store_checkpoints(
    store: Arc<dyn Store>,
    steady: Arc<SteadyClock>,
    shutdown: CancellationToken,
) {
    let mut ticks = interval(CHECKPOINT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => store_checkpoint(&*store, &steady).await,
            () = shutdown.cancelled() => return,
        }
    }
}

/// Stores a checkpoint, and adopts the time that another process or `auth-service clock` stored.
pub(super) async fn store_checkpoint(store: &dyn Store, steady: &SteadyClock) {
    match store.keep_checkpoint(steady.checkpoint()).await {
        Ok(kept) => steady.accept(kept),
        Err(error) => FAULTS.log(|times| {
            tracing::error!(
                event = "clock.checkpoint_failed",
                %error,
                times,
                "the checkpoint of the clock was not stored; retrying each minute"
            );
        }),
    }
}
