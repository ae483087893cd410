//! Redis tells what changes (client-side caching), and for as long as it does, what was read from it may be remembered.

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
    redis::{COMMAND_TIMEOUT, FAULTS},
    session_cache::SessionCache,
};

/// How often it is asked whether the connection that tells what changes is there.
const TRACKING_PING: Duration = Duration::from_millis(500);

/// Where the marks of instances are, and how long one stays, in seconds, that an instance left behind.
const MARKS: &str = "there:";
const MARK_TTL: i64 = 60;

/// Follows what Redis pushes. What it pushed before it answers has arrived before that answer, on the same connection.
pub(super) async fn track(client: Client, opened: SessionCache) {
    let mut connections = client.reconnect_rx();
    let mut faults = client.error_rx();
    let mut pushes = client.invalidation_rx();
    let mark = PresenceKey::new();
    let mut ticks = interval(TRACKING_PING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_tracked = client.is_connected() && start_tracking(&client).await;
    loop {
        tokio::select! {
            biased;
            _ = connections.recv() => {
                opened.lost();
                is_tracked = start_tracking(&client).await;
            }
            _ = faults.recv() => {
                opened.lost();
                is_tracked = false;
            }
            push = pushes.recv() => match push {
                Ok(push) => forget(&opened, push),
                Err(RecvError::Lagged(_)) => opened.lost(),
                Err(RecvError::Closed) => return opened.lost(),
            },
            _ = ticks.tick() => {
                is_tracked = is_tracked || start_tracking(&client).await;
                let asked = Instant::now();
                let is_there = is_tracked && mark.is_there(&client).await;
                if !forget_all(&opened, &mut pushes) || !is_there {
                    if is_tracked && !is_there {
                        opened.lost();
                    }
                    continue;
                }
                // A connection that was lost is told above, and then this did not count.
                if faults.is_empty() && connections.is_empty() {
                    opened.heard(asked);
                }
            }
        }
    }
}

/// What was pushed until now; whether that is all of it.
fn forget_all(opened: &SessionCache, pushes: &mut Receiver<Invalidation>) -> bool {
    loop {
        match pushes.try_recv() {
            Ok(push) => forget(opened, push),
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Lagged(_) | TryRecvError::Closed) => {
                opened.lost();
                return false;
            }
        }
    }
}

/// No keys: all of them.
fn forget(opened: &SessionCache, Invalidation { keys, .. }: Invalidation) {
    if keys.is_empty() {
        opened.lost();
    }
    let ids = keys.iter().filter_map(|key| key.as_str()?.parse().ok());
    ids.for_each(|id| opened.forget(id));
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
                tracing::warn!(%error, "Redis does not tell what changes; every session is read from it");
            });
            false
        }
        Err(_elapsed) => false,
    }
}

/// A key of this instance's own. Where everything was removed at once (`FLUSHALL`), that is not told key by key; this is gone, too.
struct PresenceKey(String);

impl PresenceKey {
    fn new() -> Self {
        Self(format!("{MARKS}{}", Id::default()))
    }

    /// Whether Redis answers, and has it still; where it has not, it is left anew.
    async fn is_there(&self, client: &Client) -> bool {
        let kept = timeout(COMMAND_TIMEOUT, client.expire(&self.0, MARK_TTL, None));
        match kept.await {
            Ok(Ok(true)) => true,
            Ok(Ok(false)) => {
                let expiration = Some(Expiration::EX(MARK_TTL));
                let left = client.set::<(), _, _>(&self.0, "", expiration, None, false);
                // The next time tells.
                let _ = timeout(COMMAND_TIMEOUT, left).await;
                false
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }
}
