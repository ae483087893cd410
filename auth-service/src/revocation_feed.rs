//! The revocation feed: reads the revocation log, keeps its unexpired entries in memory for token validation, and serves the revocation
//! streams.

mod metrics;

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use async_trait::async_trait;
use holdfast_core::{clock::Clock, rate_limited_log::LogRateLimiter, steady_clock::SteadyClock};
use holdfast_identity::{
    id::{GrantId, Sid},
    oauth::ClientId,
    revocation::{
        Epoch, Revocation, RevocationCache, RevocationSet, RevocationStatus, StoreOutage,
        append_lost, end_again,
    },
    store::{Store, StoreError},
    token::Claims,
};
use holdfast_metrics::Registry;
use time::OffsetDateTime;
use tokio::{
    sync::{Mutex, mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// The time between two reads of the log, which find the entries of other instances and of the command line.
const READ_INTERVAL: Duration = Duration::from_millis(100);

/// How long after a read the memory is current.
const CURRENT_FOR: Duration = Duration::from_secs(1);

/// Entries of one query.
const PAGE: u32 = 1000;

/// Time at the stop in which what a promoted server has as live is ended.
const END_DEADLINE: Duration = Duration::from_secs(5);
/// Pause after a failed attempt to end it.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

static FAULTS: LogRateLimiter = LogRateLimiter::new("revocation_feed.read_failed");
static NOT_ENDED: LogRateLimiter = LogRateLimiter::new("revocation_feed.not_ended");
static FAILOVERS: LogRateLimiter = LogRateLimiter::new("store.failed_over");

/// The unexpired entries of the revocation log, in memory.
pub struct RevocationFeed {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    steady: Arc<SteadyClock>,
    epoch: Epoch,
    memory: RwLock<Memory>,
    /// The timeline of the store at the last read. Serializes reads: one that begins now finds every entry that is committed now.
    reading: Mutex<Option<i64>>,
    newest: watch::Sender<i64>,
    /// Entries that a promoted server lacked, and whose subjects it may have as live.
    lost: mpsc::UnboundedSender<Revocation>,
    /// Of the task that ends them again.
    to_end: Mutex<mpsc::UnboundedReceiver<Revocation>>,
}

/// The entries after a position in the log, up to a limit, and the state of the feed at the same moment.
pub struct RevocationBatch {
    /// The entries, by ascending sequence number.
    pub entries: Vec<Revocation>,
    /// Whether the log was read to its end within the last second.
    pub is_current: bool,
    /// The sequence number of the newest entry that was read, whether it has expired or not.
    pub newest_read: i64,
}

struct Memory {
    revoked: RevocationSet,
    /// Start of the latest read that reached the end of the log.
    read_at: Instant,
    /// The same by the system clock.
    read_time: OffsetDateTime,
    last_outage: Option<StoreOutage>,
}

impl RevocationFeed {
    /// Reads the whole log. `fresh` becomes the epoch of a store that has none. Expired entries are pruned by `steady`. `outage`: the one
    /// during which this instance was started.
    ///
    /// # Errors
    /// The store is unavailable.
    pub async fn open(
        store: Arc<dyn Store>,
        (clock, steady): (Arc<dyn Clock>, Arc<SteadyClock>),
        fresh: Epoch,
        outage: Option<StoreOutage>,
    ) -> Result<Self, StoreError> {
        let (lost, to_end) = mpsc::unbounded_channel();
        let feed = Self {
            epoch: store.epoch(fresh).await?,
            store,
            memory: RwLock::new(Memory {
                revoked: RevocationSet::default(),
                read_at: Instant::now(),
                read_time: clock.now(),
                last_outage: outage,
            }),
            clock,
            steady,
            reading: Mutex::default(),
            newest: watch::Sender::new(0),
            lost,
            to_end: Mutex::new(to_end),
        };
        feed.read().await?;
        Ok(feed)
    }

    /// Reads new entries every 100 ms, and ends what a promoted server has as live, until `shutdown`.
    pub async fn keep_current(self: Arc<Self>, shutdown: CancellationToken) {
        let reads = async {
            let mut ticks = interval(READ_INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                self.catch_up().await;
            }
        };
        let tasks = async { tokio::join!(reads, self.end_lost_again()) };
        shutdown.run_until_cancelled(tasks).await;
        // No other instance may live that knows of them.
        let _ = timeout(END_DEADLINE, self.end_rest()).await;
    }

    /// Ends the subjects of entries that a promoted server lacked. Until then the entries in memory decide. Not while the log is read: there
    /// may be many.
    async fn end_lost_again(&self) {
        let mut to_end = self.to_end.lock().await;
        while let Some(entry) = to_end.recv().await {
            self.end(entry).await;
        }
    }

    /// Ends those that still wait.
    async fn end_rest(&self) {
        let mut to_end = self.to_end.lock().await;
        while let Ok(entry) = to_end.try_recv() {
            self.end(entry).await;
        }
    }

    /// Ends the subject of an entry; after a failure the others come first.
    async fn end(&self, entry: Revocation) {
        let ended = end_again(&*self.store, &entry, self.clock.now()).await;
        let Err(error) = ended else { return };
        NOT_ENDED.log(|times| {
            tracing::warn!(
                event = "revocation_feed.not_ended",
                %error,
                times,
                "what the promoted database server has as live was not ended again; retrying"
            );
        });
        if matches!(error, StoreError::Unavailable(_)) {
            let _ = self.lost.send(entry);
            sleep(RETRY_INTERVAL).await;
        }
    }

    /// A receiver of the newest sequence number, which changes when entries were read.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// The entries after `sequence`, at most `limit`.
    #[must_use]
    pub fn batch_after(&self, sequence: i64, limit: usize) -> RevocationBatch {
        let memory = self.memory();
        RevocationBatch {
            entries: memory.revoked.after(sequence, limit),
            is_current: memory.is_current(),
            newest_read: memory.revoked.newest(),
        }
    }

    /// The sequence number by which every revocation that is committed now is in the revocation streams; 0 if the store is unavailable.
    pub async fn revocation_sequence(&self) -> i64 {
        self.newest_committed().await.unwrap_or_default()
    }

    async fn newest_committed(&self) -> Option<i64> {
        match self.read().await {
            Ok(()) => Some(self.newest()),
            Err(error) => {
                if let StoreError::Unavailable(_) = &error {
                    self.memory_mut().record_failure();
                }
                FAULTS.log(|times| {
                    tracing::error!(
                        event = "revocation_feed.read_failed",
                        %error,
                        times,
                        "revocation log cannot be read; access tokens are accepted by what is in memory, for AUTH_REVOCATION_MAX_STALENESS"
                    );
                });
                None
            }
        }
    }

    /// Adds the state of the feed to a registry.
    pub fn register(feed: &Arc<Self>, registry: &mut Registry) {
        metrics::register(feed, registry);
    }

    /// Whether the signing key `kid` was revoked, and tokens that it signed may not have expired.
    #[must_use]
    pub fn is_key_revoked(&self, kid: &str) -> bool {
        self.memory().revoked.is_key_revoked(kid)
    }

    /// The sequence number of the newest entry that was read.
    #[must_use]
    pub fn newest(&self) -> i64 {
        self.memory().revoked.newest()
    }

    async fn read(&self) -> Result<(), StoreError> {
        let mut timeline = self.reading.lock().await;
        loop {
            let begun_at = Instant::now();
            let page = self.store.revocations_after(self.newest(), PAGE).await?;
            if *timeline != Some(page.timeline) {
                if timeline.is_some() {
                    self.restore_lost().await?;
                }
                *timeline = Some(page.timeline);
            }
            let is_end = page.entries.len() < PAGE as usize;
            self.insert(page.entries, is_end.then_some(begun_at));
            if is_end {
                return Ok(());
            }
        }
    }

    /// Writes back what a server that was promoted lacks of the entries in memory.
    async fn restore_lost(&self) -> Result<(), StoreError> {
        let (mut after, mut restored) = (0, 0);
        let mut missing = Vec::new();
        loop {
            let entries = self.memory().revoked.after(after, PAGE as usize);
            let Some(last) = entries.last() else { break };
            after = last.sequence;
            let (appended, found) = append_lost(&*self.store, &entries).await?;
            restored += appended;
            missing.extend(found);
        }
        metrics::RESTORED.inc_by(restored);
        for entry in missing {
            // The receiver lives as long as the feed.
            let _ = self.lost.send(entry);
        }
        FAILOVERS.log(|times| {
            tracing::warn!(
                event = "store.failed_over",
                restored,
                times,
                "another database server was promoted; the revocations that it lacked were written back"
            );
        });
        Ok(())
    }

    /// `current_as_of`: the start of the read, if it reached the end of the log.
    fn insert(&self, entries: Vec<Revocation>, current_as_of: Option<Instant>) {
        let has_grown = !entries.is_empty();
        let mut memory = self.memory_mut();
        for revocation in entries {
            metrics::count(&revocation.revoked);
            memory.revoked.insert(revocation);
        }
        memory.revoked.prune(self.steady.now());
        if let Some(begun_at) = current_as_of {
            memory.record_read(begun_at, self.clock.now());
        }
        let newest = memory.revoked.newest();
        drop(memory);
        if has_grown {
            self.newest.send_replace(newest);
        }
    }

    fn memory(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory_mut(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn is_current(&self) -> bool {
        self.is_within(CURRENT_FOR)
    }

    fn is_within(&self, max_age: Duration) -> bool {
        self.read_at.elapsed() < max_age
    }

    fn record_read(&mut self, begun_at: Instant, now: OffsetDateTime) {
        self.read_at = begun_at;
        self.read_time = now;
        if let Some(outage) = &mut self.last_outage {
            outage.ended_at.get_or_insert(now);
        }
    }

    fn record_failure(&mut self) {
        self.last_outage = Some(StoreOutage::of_failure(self.last_outage, self.read_time));
    }
}

#[async_trait]
impl RevocationCache for RevocationFeed {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    fn status(&self, claims: &Claims) -> RevocationStatus {
        self.status_within(claims, CURRENT_FOR)
    }

    fn status_within(&self, claims: &Claims, max_age: Duration) -> RevocationStatus {
        let memory = self.memory();
        if let Err(error) = memory.revoked.check(claims) {
            return RevocationStatus::Revoked(error);
        }
        // The log of a restored store lacks the revocations before its epoch; the login's row in the store decides.
        if memory.is_within(max_age) && claims.issued_at > self.epoch.begun_at {
            RevocationStatus::Live
        } else {
            RevocationStatus::Unknown
        }
    }

    fn is_grant_revoked(&self, sid: Sid, grant: GrantId, client: &ClientId) -> bool {
        let memory = self.memory();
        memory.revoked.affects_grant(sid, grant, client.as_str())
    }

    fn record_store_failure(&self) {
        let mut memory = self.memory_mut();
        // Where the log is read, the store is overloaded, or the failure is over before the client repeats its request.
        if !memory.is_current() {
            memory.record_failure();
        }
    }

    fn last_outage(&self) -> Option<StoreOutage> {
        self.memory().last_outage
    }

    async fn catch_up(&self) {
        let _ = self.newest_committed().await;
    }
}
