//! Delivery to one relying party, while there are ends that it has not received.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::{
    StreamExt as _,
    future::{BoxFuture, FutureExt as _},
    stream::FuturesUnordered,
};
use holdfast_core::{
    rate_limited_log::LogRateLimiter, split_mix::SplitMix64, steady_clock::SteadyClock,
};
use holdfast_identity::{
    id::Sid,
    oauth::{LOGOUT_DELIVERY_TTL, LogoutDelivery, LogoutReceiver},
    store::{Store, StoreError},
};
use time::OffsetDateTime;
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    RETRY_INTERVAL,
    backoff::{MAX_DELIVERY_PAUSE, MAX_RECEIVER_PAUSE, pause_after},
    log_store_failure,
    metrics::{LogoutOutcome, record_delay},
    sender::{Attempt, LogoutSender},
};

/// Maximum number of requests to one relying party at once.
const MAX_IN_FLIGHT: usize = 4;
/// Time for which a relying party must have failed without a success so that all ends that have expired are given up, and not only those that were
/// tried: there may be more than attempts.
const UNREACHABLE_AFTER: Duration = Duration::from_hours(1);
/// Maximum time between two looks at what is due.
const RECHECK_INTERVAL: Duration = Duration::from_secs(5);

static FAILED: LogRateLimiter = LogRateLimiter::new("logout_delivery.failed");
static REFUSED: LogRateLimiter = LogRateLimiter::new("logout_delivery.refused");
static GIVEN_UP: LogRateLimiter = LogRateLimiter::new("logout_delivery.given_up");

/// What the deliveries to all relying parties share.
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) sender: LogoutSender,
    /// Decides what is due and what is expired.
    pub(super) steady: Arc<SteadyClock>,
    pub(super) jitter: SplitMix64,
}

/// Delivers to one relying party until there is nothing to deliver, or it is stopped. A relying party that fails is sent one request at a time,
/// after pauses.
pub(super) struct ReceiverTask {
    shared: Arc<Shared>,
    receiver: Arc<LogoutReceiver>,
    /// There may be new ends.
    wake: Arc<Notify>,
    stop: CancellationToken,
    in_flight: FuturesUnordered<BoxFuture<'static, (LogoutDelivery, Attempt)>>,
    /// The ends whose requests are in flight.
    started: HashSet<(Sid, OffsetDateTime)>,
    /// Pauses since the last success.
    failures: u32,
    /// Time of the first failure since the last success.
    failing_since: Option<OffsetDateTime>,
    paused_until: OffsetDateTime,
}

impl ReceiverTask {
    pub(super) fn new(
        shared: Arc<Shared>,
        receiver: LogoutReceiver,
        wake: Arc<Notify>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            shared,
            receiver: Arc::new(receiver),
            wake,
            stop,
            in_flight: FuturesUnordered::new(),
            started: HashSet::new(),
            failures: 0,
            failing_since: None,
            paused_until: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// Requests in flight are finished also where it is stopped.
    pub(super) async fn run(mut self) {
        while !self.stop.is_cancelled() {
            let Some(wait) = self.start_due().await else {
                return;
            };
            tokio::select! {
                Some((delivery, attempt)) = self.in_flight.next() => self.settle(&delivery, attempt).await,
                () = self.wake.notified() => {}
                () = sleep(wait) => {}
                () = self.stop.cancelled() => {}
            }
        }
        while let Some((delivery, attempt)) = self.in_flight.next().await {
            self.settle(&delivery, attempt).await;
        }
    }

    /// Starts the attempts that are due. Returns the time after which there may be others; `None` if there is nothing to deliver.
    async fn start_due(&mut self) -> Option<Duration> {
        let now = self.shared.steady.now();
        if let Ok(pause) = Duration::try_from(self.paused_until - now)
            && !pause.is_zero()
        {
            return Some(pause.min(RECHECK_INTERVAL));
        }
        let limit = if self.failures == 0 { MAX_IN_FLIGHT } else { 1 };
        let free = limit.saturating_sub(self.in_flight.len());
        if free == 0 {
            return Some(RECHECK_INTERVAL);
        }
        let page = u32::try_from(limit + self.started.len()).unwrap_or(u32::MAX);
        let store = &self.shared.store;
        let listed = match store.logout_deliveries(&self.receiver.client, page).await {
            Ok(listed) => listed,
            Err(error) => {
                log_store_failure(&error);
                return Some(RETRY_INTERVAL);
            }
        };
        if listed.is_empty() && self.in_flight.is_empty() {
            return None;
        }
        let is_waiting = |delivery: &LogoutDelivery| !self.started.contains(&key(delivery));
        let waiting = listed.into_iter().filter(is_waiting);
        let (due, later): (Vec<_>, Vec<_>) = waiting.partition(|delivery| delivery.is_due(now));
        for delivery in due.into_iter().take(free) {
            self.start(delivery);
        }
        let next = later.iter().map(|delivery| delivery.due_at - now).min();
        let next = next.and_then(|next| Duration::try_from(next).ok());
        Some(next.unwrap_or(RECHECK_INTERVAL).min(RECHECK_INTERVAL))
    }

    fn start(&mut self, delivery: LogoutDelivery) {
        self.started.insert(key(&delivery));
        let (shared, receiver) = (Arc::clone(&self.shared), Arc::clone(&self.receiver));
        let attempt = async move {
            let attempt = shared.sender.send(&receiver, &delivery).await;
            (delivery, attempt)
        };
        self.in_flight.push(attempt.boxed());
    }

    async fn settle(&mut self, delivery: &LogoutDelivery, attempt: Attempt) {
        let settled = match attempt {
            Attempt::Delivered => {
                self.record_response();
                LogoutOutcome::Delivered.count();
                record_delay(self.shared.sender.clock.now() - delivery.ended_at);
                let client = &self.receiver.client;
                self.shared.store.remove_logout(client, delivery).await
            }
            Attempt::Refused => {
                self.record_response();
                LogoutOutcome::Refused.count();
                self.log_refused();
                let client = &self.receiver.client;
                self.shared.store.remove_logout(client, delivery).await
            }
            Attempt::Failed(why) => self.settle_failed(delivery, &why).await,
        };
        self.started.remove(&key(delivery));
        if let Err(error) = settled {
            // The end is delivered again.
            log_store_failure(&error);
            self.paused_until = self.shared.steady.now() + RETRY_INTERVAL;
        }
    }

    async fn settle_failed(
        &mut self,
        delivery: &LogoutDelivery,
        why: &str,
    ) -> Result<(), StoreError> {
        let now = self.shared.steady.now();
        let Shared { store, jitter, .. } = &*self.shared;
        let client = &self.receiver.client;
        LogoutOutcome::Failed.count();
        // Requests that were in flight together are one failure.
        if self.paused_until <= now {
            self.failures = self.failures.saturating_add(1);
            self.paused_until = now + pause_after(self.failures, MAX_RECEIVER_PAUSE, jitter);
        }
        let failing_since = *self.failing_since.get_or_insert(now);
        if now - failing_since >= UNREACHABLE_AFTER {
            let until = now - LOGOUT_DELIVERY_TTL;
            let expired = store.remove_logouts_until(client, until).await?;
            self.record_given_up(expired, why);
        } else if delivery.is_expired(now) {
            store.remove_logout(client, delivery).await?;
            self.record_given_up(1, why);
        }
        if delivery.is_expired(now) {
            return Ok(());
        }
        let attempts = delivery.attempts.saturating_add(1);
        self.log_failed(why, attempts);
        let due_at = now + pause_after(attempts, MAX_DELIVERY_PAUSE, jitter);
        store.defer_logout(client, delivery, due_at).await
    }

    fn record_response(&mut self) {
        self.failures = 0;
        self.failing_since = None;
    }

    fn log_failed(&self, error: &str, attempts: u32) {
        FAILED.log(|times| {
            tracing::warn!(
                event = "logout_delivery.failed",
                client_id = %self.receiver.client,
                error,
                attempts,
                times,
                "logout token was not delivered; retrying"
            );
        });
    }

    fn log_refused(&self) {
        REFUSED.log(|times| {
            tracing::warn!(
                event = "logout_delivery.refused",
                client_id = %self.receiver.client,
                times,
                "relying party refused a logout token with status 400; its session may be live"
            );
        });
    }

    fn record_given_up(&self, ends: u64, error: &str) {
        if ends == 0 {
            return;
        }
        LogoutOutcome::GivenUp.count_by(ends);
        GIVEN_UP.log(|times| {
            tracing::warn!(
                event = "logout_delivery.given_up",
                client_id = %self.receiver.client,
                ends,
                error,
                times,
                "ends of sessions were not delivered for 24 hours and are given up; sessions of the relying party may be live"
            );
        });
    }
}

fn key(delivery: &LogoutDelivery) -> (Sid, OffsetDateTime) {
    (delivery.sid, delivery.ended_at)
}
