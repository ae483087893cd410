//! Invalidation of the session cache by Redis (`CLIENT TRACKING`).

use std::{sync::Arc, time::Duration};

use fred::{
    clients::Client,
    interfaces::{ClientLike as _, EventInterface as _, TrackingInterface as _},
    types::client::Invalidation,
};
use tokio::{
    sync::broadcast::{
        Receiver,
        error::{RecvError, TryRecvError},
    },
    time::{Instant, MissedTickBehavior, interval},
};

use crate::session::store::{
    sentinels::Sentinels,
    session_cache::SessionCache,
    tracking::{Status, Tracking},
};

/// Interval of the command that checks the connection and dates the cache.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Applies the invalidations that Redis pushes to `cache`. On one connection, a push arrives before the replies that follow it, so that
/// a reply on each connection shows that all invalidations up to its command were received.
pub(super) async fn track(
    (client, writer): (Client, Option<Client>),
    sentinels: Option<Arc<Sentinels>>,
    cache: SessionCache,
) {
    let mut connections = client.reconnect_rx();
    let mut topologies = client.cluster_change_rx();
    let mut faults = client.error_rx();
    let mut pushes = client.invalidation_rx();
    let mut ticks = interval(CHECK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tracking = Tracking::new(client, sentinels);
    let mut is_tracked = tracking.start().await;
    let mut reconnection = tokio::spawn(async {});
    loop {
        tokio::select! {
            biased;
            _ = connections.recv() => {
                cache.invalidate_all();
                is_tracked = tracking.start().await;
                ticks.reset_immediately();
            }
            _ = topologies.recv() => {
                cache.invalidate_all();
                is_tracked = tracking.start().await;
            }
            _ = faults.recv() => {
                cache.invalidate_all();
                is_tracked = false;
            }
            push = pushes.recv() => match push {
                Ok(push) => invalidate(&cache, push),
                Err(RecvError::Lagged(_)) => cache.invalidate_all(),
                Err(RecvError::Closed) => return cache.invalidate_all(),
            },
            _ = ticks.tick() => {
                is_tracked = is_tracked || tracking.start().await;
                let sent_at = Instant::now();
                let status = tracking.check().await;
                let is_current = apply_pending(&cache, &mut pushes);
                if status != Status::Complete {
                    cache.invalidate_all();
                    is_tracked = false;
                }
                if status == Status::WrongServer && reconnection.is_finished() {
                    let (reconnected, writer) = (tracking.reconnect(), writer.clone());
                    reconnection = tokio::spawn(async move {
                        if let Some(writer) = writer {
                            let _ = writer.force_reconnection().await;
                        }
                        reconnected.await;
                    });
                }
                // After a disconnection, the branches above invalidate the cache first.
                let is_connected = faults.is_empty() && connections.is_empty() && topologies.is_empty();
                if is_tracked && is_current && is_connected {
                    cache.mark_current(sent_at);
                }
            }
        }
    }
}

/// Applies the invalidations that were received so far; returns whether none was lost.
fn apply_pending(cache: &SessionCache, pushes: &mut Receiver<Invalidation>) -> bool {
    loop {
        match pushes.try_recv() {
            Ok(push) => invalidate(cache, push),
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Lagged(_) | TryRecvError::Closed) => {
                cache.invalidate_all();
                return false;
            }
        }
    }
}

/// Applies one push. One without keys stands for all (`FLUSHALL`).
fn invalidate(cache: &SessionCache, Invalidation { keys, .. }: Invalidation) {
    if keys.is_empty() {
        cache.invalidate_all();
    }
    let ids = keys.iter().filter_map(|key| key.as_str()?.parse().ok());
    ids.for_each(|id| cache.invalidate(id));
}
