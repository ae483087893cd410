//! Back-channel logout (ADR 48): sends the ends of sessions to relying parties, from one instance at a time.

mod backoff;
mod metrics;
mod receiver;
mod sender;

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use holdfast_core::{
    rate_limited_log::LogRateLimiter, split_mix::SplitMix64, steady_clock::SteadyClock,
};
use holdfast_identity::{
    oauth::{ClientId, LogoutReceiver},
    store::{Store, StoreError},
};
use holdfast_metrics::Registry;
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

pub(super) use self::sender::LogoutSender;
use self::{
    metrics::OldestLogout,
    receiver::{ReceiverTask, Shared},
};
use crate::{app::leases, revocation_feed::RevocationFeed};

/// Time after which the instance that delivers prolongs its lease, while there is something to deliver.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(3);
/// Time after which what failed for the store, or because another instance delivers, is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Time after which the store is read although no revocation was.
const IDLE_INTERVAL: Duration = Duration::from_mins(1);
/// Minimum time between two reads of the store, whatever is revoked meanwhile.
const MIN_INTERVAL: Duration = Duration::from_millis(20);

static STORE_FAULTS: LogRateLimiter = LogRateLimiter::new("logout_delivery.store_failed");

fn log_store_failure(error: &StoreError) {
    STORE_FAULTS.log(|times| {
        tracing::error!(
            event = "logout_delivery.store_failed",
            %error,
            times,
            "ends of sessions of relying parties cannot be read or updated; retrying"
        );
    });
}

/// Delivers the ends of sessions while this instance holds the lease, with a task for each relying party that has not received some: one that
/// is slow or fails does not delay the others.
pub(super) struct LogoutDispatcher {
    shared: Arc<Shared>,
    /// This instance, as the holder of the lease.
    instance: String,
    feed: Arc<RevocationFeed>,
    oldest: Arc<OldestLogout>,
}

impl LogoutDispatcher {
    /// `feed` wakes it: every end is an entry of the revocation log.
    pub(super) fn new(
        (store, instance): (Arc<dyn Store>, &str),
        feed: Arc<RevocationFeed>,
        sender: LogoutSender,
        steady: Arc<SteadyClock>,
    ) -> Self {
        let jitter = SplitMix64::seeded_by(&*sender.random);
        Self {
            shared: Arc::new(Shared {
                store,
                sender,
                steady,
                jitter,
            }),
            instance: instance.to_owned(),
            feed,
            oldest: Arc::default(),
        }
    }

    /// Adds the metrics of the deliveries to a registry.
    pub(super) fn register(&self, registry: &mut Registry) {
        let clock = Arc::clone(&self.shared.sender.clock);
        metrics::register(Arc::clone(&self.oldest), clock, registry);
    }

    /// Delivers until `shutdown`, and finishes the requests that are then in flight.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let mut newest = self.feed.subscribe();
        let mut tasks = ReceiverTasks::default();
        let mut held_until = None;
        loop {
            newest.mark_unchanged();
            let begun = Instant::now();
            let wait = self.turn(&mut tasks, &mut held_until).await;
            tokio::select! {
                () = sleep(wait) => {}
                _ = newest.changed() => {}
                () = tasks.finished.notified() => {}
                () = shutdown.cancelled() => break,
            }
            sleep_until(begun + MIN_INTERVAL).await;
        }
        tasks.stop();
        tasks.join().await;
    }

    /// Delivers what there is, if this instance holds the lease. Returns the time until the next turn.
    async fn turn(&self, tasks: &mut ReceiverTasks, held_until: &mut Option<Instant>) -> Duration {
        match self.try_turn(tasks, held_until).await {
            Ok(wait) => wait,
            Err(error) => {
                log_store_failure(&error);
                RETRY_INTERVAL
            }
        }
    }

    async fn try_turn(
        &self,
        tasks: &mut ReceiverTasks,
        held_until: &mut Option<Instant>,
    ) -> Result<Duration, StoreError> {
        let store = &self.shared.store;
        let receivers = store.logout_receivers().await?;
        if receivers.is_empty() {
            self.oldest.record(None);
            return Ok(IDLE_INTERVAL);
        }
        if !self.holds_lease(held_until).await? {
            tasks.stop();
            self.oldest.record(None);
            return Ok(RETRY_INTERVAL);
        }
        for receiver in receivers {
            tasks.wake(receiver, &self.shared);
        }
        self.oldest.record(store.oldest_logout().await?);
        Ok(RENEWAL_INTERVAL)
    }

    /// Acquires the lease, or prolongs it when some of its time has passed.
    async fn holds_lease(&self, held_until: &mut Option<Instant>) -> Result<bool, StoreError> {
        let lease = &leases::LOGOUT_DELIVERY;
        let now = Instant::now();
        let left = held_until.map(|until| until.saturating_duration_since(now));
        if left.is_some_and(|left| left + RENEWAL_INTERVAL > lease.duration()) {
            return Ok(true);
        }
        let acquired = lease.acquire(&*self.shared.store, &self.instance).await;
        // Without an answer another instance may hold it when its time is over.
        if acquired.is_ok() || held_until.is_some_and(|until| until <= now) {
            *held_until = None;
        }
        if acquired? {
            *held_until = Some(now + lease.duration());
        }
        Ok(held_until.is_some())
    }
}

/// The tasks of the relying parties to which something is delivered.
#[derive(Default)]
struct ReceiverTasks {
    running: HashMap<ClientId, RunningTask>,
    /// Stops the tasks.
    stop: CancellationToken,
    /// A task has finished. There may be an end that it did not see.
    finished: Arc<Notify>,
}

struct RunningTask {
    wake: Arc<Notify>,
    task: JoinHandle<()>,
}

impl ReceiverTasks {
    /// Makes the task of a relying party look for ends; starts it if it does not run.
    fn wake(&mut self, receiver: LogoutReceiver, shared: &Arc<Shared>) {
        if self.stop.is_cancelled() {
            self.stop = CancellationToken::new();
        }
        self.running
            .retain(|_, running| !running.task.is_finished());
        match self.running.entry(receiver.client.clone()) {
            Entry::Occupied(running) => running.get().wake.notify_one(),
            Entry::Vacant(place) => {
                let wake = Arc::new(Notify::new());
                let (stop, finished) = (self.stop.clone(), Arc::clone(&self.finished));
                let task = ReceiverTask::new(Arc::clone(shared), receiver, Arc::clone(&wake), stop);
                let task = tokio::spawn(async move {
                    task.run().await;
                    finished.notify_one();
                });
                place.insert(RunningTask { wake, task });
            }
        }
    }

    /// Stops all tasks between two requests.
    fn stop(&self) {
        self.stop.cancel();
    }

    async fn join(self) {
        for running in self.running.into_values() {
            let _ = running.task.await;
        }
    }
}
