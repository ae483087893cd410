//! Follows the revocation stream and keeps the revocation set.

use std::{
    pin::pin,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use auth_proto::v1::WatchRevocationsResponse;
use holdfast_core::{clock::Clock, rate_limited_log::LogRateLimiter, steady_clock::SteadyClock};
use holdfast_metrics::Registry;
use time::OffsetDateTime;
use tokio::{
    sync::Notify,
    time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

mod metrics;

use crate::transport::{response::optional_time, retry_policy::READ};
use crate::{
    auth_client::AuthClient,
    error::AuthError,
    pending_revocations::PendingRevocations,
    revocation::{
        CacheEpoch, LoginState, RevocableIds,
        clock_skew::IssuerClock,
        event::EventId,
        events::{STALE_AFTER, next_message},
        set::RevocationSet,
    },
};

/// Time without progress after which the process counts as suspended: with the age of the messages that it had received before, less than
/// [`STALE_AFTER`].
const STOPPED_AFTER: Duration = Duration::from_secs(2);
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// How long a start waits for the first message. An auth-service that is unavailable must not prevent this process from starting.
const START_WAIT: Duration = Duration::from_millis(100);

/// Pause before the stream is opened again; it doubles after each attempt that delivered nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

static REFUSALS: LogRateLimiter = LogRateLimiter::new("revocation_stream.refused");

/// Follows the revocation stream of auth-service and keeps the set of revoked logins, grants, tokens and OAuth clients. Clones share it.
#[derive(Clone)]
pub struct RevocationWatcher(Arc<Inner>);

struct Inner {
    state: RwLock<StreamState>,
    first_message: Notify,
    /// Decides when entries are removed: a clock that is set wrongly for a while must not remove entries that can still match.
    steady: SteadyClock,
    clock: Arc<dyn Clock>,
    max_staleness: Duration,
    pending: Arc<PendingRevocations>,
}

#[derive(Default)]
struct StreamState {
    set: RevocationSet,
    /// A snapshot that is not complete yet; until then `set` applies.
    snapshot: Option<RevocationSet>,
    last_message_at: Option<Instant>,
    issuer_clock: IssuerClock,
    is_connected: bool,
    /// Number of epochs that the stream reported.
    epochs: u64,
}

/// Where revocation streams are opened.
pub(super) trait StreamSource: Sync {
    /// Opens a stream after the newest entry of a watcher, and applies its messages until it ends.
    fn follow_once(&self, watcher: &RevocationWatcher) -> impl Future<Output = ()> + Send;
}

impl StreamSource for AuthClient {
    async fn follow_once(&self, watcher: &RevocationWatcher) {
        watcher.follow_once(self).await;
    }
}

impl RevocationWatcher {
    /// A watcher with an empty set; [`follow`](Self::follow) fills it. After a disconnection [`login_state`](Self::login_state) uses
    /// the set for `max_staleness` more.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, max_staleness: Duration, auth: &AuthClient) -> Self {
        Self::with_pending(clock, max_staleness, auth.pending_revocations())
    }

    pub(super) fn with_pending(
        clock: Arc<dyn Clock>,
        max_staleness: Duration,
        pending: Arc<PendingRevocations>,
    ) -> Self {
        Self(Arc::new(Inner {
            state: RwLock::default(),
            first_message: Notify::new(),
            steady: SteadyClock::new(clock.clone()),
            clock,
            max_staleness,
            pending,
        }))
    }

    /// Waits for the first message of the stream, for a tenth of a second at most.
    pub async fn wait_for_first_message(&self) {
        let _ = timeout(START_WAIT, self.0.first_message.notified()).await;
    }

    /// Follows the stream until `shutdown`, and opens it again where it ended.
    pub async fn follow(self, auth: AuthClient, shutdown: CancellationToken) {
        let forever = self.follow_forever(&auth);
        shutdown.run_until_cancelled(forever).await;
    }

    /// Follows one stream after the other.
    pub(super) async fn follow_forever(&self, source: &impl StreamSource) {
        let mut pause = FIRST_PAUSE;
        loop {
            let before = self.state().last_message_at;
            source.follow_once(self).await;
            self.update(|state| {
                state.is_connected = false;
                state.snapshot = None;
            });
            self.0.pending.delivered(None);
            metrics::DISCONNECTIONS.inc();
            if self.state().last_message_at == before {
                pause = LONGEST_PAUSE.min(pause * 2);
            } else {
                pause = FIRST_PAUSE;
                tracing::warn!(
                    event = "revocation_stream.disconnected",
                    good_for = ?self.0.max_staleness,
                    "revocation stream disconnected; using the last known state"
                );
            }
            sleep(pause).await;
        }
    }

    async fn follow_once(&self, auth: &AuthClient) {
        let mut replaced = auth.replaced();
        let mut progress = Progress::new();
        let Some(mut stream) = progress.or_stopped(self.open(auth)).await else {
            return;
        };
        loop {
            tokio::select! {
                message = progress.or_stopped(next_message(&mut stream)) => match message {
                    Some(message) => self.apply(message),
                    None => return,
                },
                // The current stream is read until the new one is open.
                Ok(()) = replaced.changed() => match progress.or_stopped(self.open(auth)).await {
                    Some(moved) => stream = moved,
                    None => return,
                },
            }
        }
    }

    /// Opens the stream after the newest known entry.
    async fn open(&self, auth: &AuthClient) -> Option<Streaming<WatchRevocationsResponse>> {
        let EventId { epoch, sequence } = self.position();
        match auth.watch_revocations(epoch, sequence, READ).await {
            Ok(stream) => Some(stream),
            // The circuit breaker has logged it.
            Err(AuthError::Unavailable { .. }) => None,
            Err(error) => {
                REFUSALS.log(|times| {
                    tracing::error!(
                        event = "revocation_stream.refused",
                        %error,
                        times,
                        "auth-service refuses the revocation stream; the state of logins is unknown"
                    );
                });
                None
            }
        }
    }

    /// The epoch and the sequence of the newest known entry.
    pub(super) fn position(&self) -> EventId {
        let state = self.state();
        EventId {
            epoch: state.set.epoch.clone(),
            sequence: state.set.sequence,
        }
    }

    pub(super) fn apply(&self, message: WatchRevocationsResponse) {
        let now = self.0.steady.now().unix_timestamp();
        let issuer_time = optional_time(message.issuer_time).ok().flatten();
        // The expiry times of entries are by auth-service's clock.
        let now = issuer_time.map_or(now, |time| now.min(time.unix_timestamp()));
        let newest = message.current.then_some(message.newest);
        self.update(|state| {
            if !state.is_connected {
                state.is_connected = true;
                tracing::info!(
                    event = "revocation_stream.connected",
                    epoch = message.epoch,
                    "revocation stream connected"
                );
            }
            if message.snapshot {
                metrics::SNAPSHOTS.inc();
                state.snapshot = Some(RevocationSet::new(message.epoch));
            }
            let set = state.snapshot.as_mut().unwrap_or(&mut state.set);
            for revocation in message.revocations {
                set.insert(revocation);
            }
            set.announced = set.announced.max(message.announced);
            if message.current {
                if let Some(complete) = state.snapshot.take() {
                    state.epochs += u64::from(state.set.epoch != complete.epoch);
                    state.set.apply(complete);
                }
                state.set.complete = state.set.complete.max(message.newest);
                state.last_message_at = Some(Instant::now());
                self.0.first_message.notify_one();
                state.set.prune(now);
                if let Some(time) = issuer_time {
                    state.issuer_clock.record(time, &*self.0.clock);
                }
            }
        });
        if newest.is_some() {
            self.0.pending.delivered(newest);
        }
    }

    /// The state of the login `sid` that belongs to the epoch `epoch` of auth-service's store.
    #[must_use]
    pub fn login_state(&self, sid: &str, epoch: &str) -> LoginState {
        let state = self.state();
        if state.set.contains_login(sid) && state.set.epoch == epoch {
            LoginState::Ended
        } else if state.is_older_than(self.0.max_staleness) {
            LoginState::Unknown
        } else if state.set.epoch == epoch {
            LoginState::Live
        } else if state.is_connected && state.snapshot.is_none() {
            // A backup was restored, which ended every login of the previous epoch.
            LoginState::Ended
        } else {
            LoginState::Unknown
        }
    }

    /// The state under which results may be cached; `None` while the stream is stale, disconnected or within a snapshot.
    #[must_use]
    pub fn cache_epoch(&self) -> Option<CacheEpoch> {
        let state = self.state();
        let is_fresh =
            state.is_connected && state.snapshot.is_none() && !state.is_older_than(STALE_AFTER);
        is_fresh.then_some(CacheEpoch {
            epochs: state.epochs,
            revoked_keys: state.set.keys,
            missed_revocations: self.0.pending.missed(),
        })
    }

    /// Whether a token, its login, its grant or its OAuth client was revoked. This holds against any later answer of auth-service.
    #[must_use]
    pub fn is_revoked(&self, ids: RevocableIds<'_>) -> bool {
        self.state().set.contains_any(ids)
    }

    /// Number of signing keys that were revoked, as far as the stream reported them.
    #[must_use]
    pub fn revoked_keys(&self) -> u64 {
        self.state().set.keys
    }

    /// Whether a signing key was revoked, by its `kid`. For applications that verify tokens themselves; auth-service refuses its tokens.
    #[must_use]
    pub fn is_key_revoked(&self, kid: &str) -> bool {
        self.state().set.signing_keys.contains_key(kid)
    }

    /// Whether it has everything that was revoked up to three seconds ago. Otherwise, a token that it does not know may be revoked.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let state = self.state();
        state.snapshot.is_none() && !state.is_older_than(STALE_AFTER)
    }

    /// The time of auth-service's clock, by which `auth_time` is dated; `None` if auth-service has not reported it.
    #[must_use]
    pub fn issuer_now(&self) -> Option<OffsetDateTime> {
        self.state().issuer_clock.now(&*self.0.clock)
    }

    /// Adds the state of the stream to a registry.
    pub fn register(&self, registry: &mut Registry) {
        metrics::register(self, registry);
    }

    /// Whether [`login_state`](Self::login_state) can tell live logins from ended ones.
    ///
    /// # Errors
    /// The cause, in words for the operator.
    pub fn readiness(&self) -> Result<(), String> {
        if self.state().is_older_than(self.0.max_staleness) {
            Err("no message of the revocation stream was received for too long".to_owned())
        } else {
            Ok(())
        }
    }

    fn state(&self) -> RwLockReadGuard<'_, StreamState> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, update: impl FnOnce(&mut StreamState)) {
        update(&mut self.0.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl StreamState {
    fn is_older_than(&self, age: Duration) -> bool {
        self.last_message_at
            .is_none_or(|last_message_at| last_message_at.elapsed() > age)
    }

    /// How many numbers of the log this process is behind the newest entry that the stream has announced; `None` while it is disconnected.
    fn entries_behind(&self) -> Option<i64> {
        let received = self.snapshot.as_ref().unwrap_or(&self.set);
        let position = if received.epoch == self.set.epoch {
            self.set.position()
        } else {
            0
        };
        let behind = received.announced.saturating_sub(position).max(0);
        self.is_connected.then_some(behind)
    }
}

/// Notices that this process was suspended. What it received before then waits in buffers, and would count as new.
pub(super) struct Progress {
    ticks: Interval,
    ran_at: Instant,
}

impl Progress {
    pub(super) fn new() -> Self {
        let mut ticks = interval(PROGRESS_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            ticks,
            ran_at: Instant::now(),
        }
    }

    /// The output of `next`; `None` also if the process did not run for [`STOPPED_AFTER`] while it waited for it.
    pub(super) async fn or_stopped<T>(
        &mut self,
        next: impl Future<Output = Option<T>>,
    ) -> Option<T> {
        let mut next = pin!(next);
        loop {
            let output = tokio::select! {
                output = &mut next => Some(output),
                _ = self.ticks.tick() => None,
            };
            if self.ran_at.elapsed() > STOPPED_AFTER {
                return None;
            }
            self.ran_at = Instant::now();
            if let Some(output) = output {
                return output;
            }
        }
    }
}

#[cfg(test)]
mod tests;
