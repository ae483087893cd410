//! Invalidation of the session cache by Redis (`CLIENT TRACKING`).

use std::time::Duration;

use fred::{
    clients::Client,
    interfaces::{
        ClientLike as _, EventInterface as _, KeysInterface as _, TrackingInterface as _,
    },
    types::{Expiration, client::Invalidation},
};
use tokio::{
    sync::broadcast::{
        Receiver,
        error::{RecvError, TryRecvError},
    },
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tower_sessions::session::Id;

use crate::session::store::{
    redis_connection::{COMMAND_TIMEOUT, FAULTS},
    session_cache::SessionCache,
};

/// Interval of the command that checks the connection and dates the cache.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Prefix of the presence keys, and their expiry in seconds.
const PRESENCE_PREFIX: &str = "there:";
const PRESENCE_TTL: i64 = 60;

/// Applies the invalidations that Redis pushes to `cache`. On one connection, a push arrives before the replies that follow it, so that
/// a reply shows that all invalidations up to its command were received.
pub(super) async fn track(client: Client, cache: SessionCache) {
    let mut connections = client.reconnect_rx();
    let mut faults = client.error_rx();
    let mut pushes = client.invalidation_rx();
    let presence = PresenceKey::new();
    let mut ticks = interval(CHECK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_tracked = client.is_connected() && start_tracking(&client).await;
    loop {
        tokio::select! {
            biased;
            _ = connections.recv() => {
                cache.invalidate_all();
                is_tracked = start_tracking(&client).await;
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
                is_tracked = is_tracked || start_tracking(&client).await;
                let sent_at = Instant::now();
                let is_present = is_tracked && presence.exists(&client).await;
                if !apply_pending(&cache, &mut pushes) || !is_present {
                    if is_tracked && !is_present {
                        cache.invalidate_all();
                    }
                    continue;
                }
                // After a disconnection, the branches above invalidate the cache first.
                if faults.is_empty() && connections.is_empty() {
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

async fn start_tracking(client: &Client) -> bool {
    let started = timeout(
        COMMAND_TIMEOUT,
        client.start_tracking(Vec::<String>::new(), false, false, false, false),
    );
    match started.await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            FAULTS.log(|_| {
                tracing::warn!(event = "session_cache.tracking_refused", %error, "Redis refuses CLIENT TRACKING; every session is read from Redis");
            });
            false
        }
        Err(_elapsed) => false,
    }
}

/// A key of this instance, whose presence shows that Redis was not emptied: `FLUSHALL` is not pushed key by key.
struct PresenceKey(String);

impl PresenceKey {
    fn new() -> Self {
        Self(format!("{PRESENCE_PREFIX}{}", Id::default()))
    }

    /// Whether Redis answers and still has the key; sets it again where it has not.
    async fn exists(&self, client: &Client) -> bool {
        let renewed = timeout(COMMAND_TIMEOUT, client.expire(&self.0, PRESENCE_TTL, None));
        match renewed.await {
            Ok(Ok(true)) => true,
            Ok(Ok(false)) => {
                let expiration = Some(Expiration::EX(PRESENCE_TTL));
                let set = client.set::<(), _, _>(&self.0, "", expiration, None, false);
                // The next check shows whether that succeeded.
                let _ = timeout(COMMAND_TIMEOUT, set).await;
                false
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }
}
