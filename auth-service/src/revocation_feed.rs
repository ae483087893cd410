//! Revocations on their way from the store to everybody who judges credentials: kept in memory here, and told to those who
//! watch.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use async_trait::async_trait;
use holdfast_core::{rate_limited_log::LogRateLimiter, steady_clock::SteadyClock};
use holdfast_identity::{
    revocation::{Epoch, Revocation, RevocationSet, RevocationStatus},
    store::{RevocationMemory, Revocations, StoreError},
    token::Claims,
};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

/// How often the store is asked for what others wrote: another process, such as the command line.
const INTERVAL: Duration = Duration::from_millis(100);

/// How long after the store was read memory counts as current.
const CURRENT_FOR: Duration = Duration::from_secs(1);

/// How many entries are read at once.
const PAGE: u32 = 1000;

static FAULTS: LogRateLimiter = LogRateLimiter::new();

/// The revocations that can still hit something.
pub struct RevocationFeed {
    store: Arc<dyn Revocations>,
    steady: Arc<SteadyClock>,
    epoch: Epoch,
    memory: RwLock<Memory>,
    /// One reader at a time; who waits for the turn sees all that was committed before.
    reading: Mutex<()>,
    newest: watch::Sender<i64>,
}

/// What is new to somebody, as of one moment.
pub struct RevocationBatch {
    /// The entries, in their order.
    pub entries: Vec<Revocation>,
    /// Whether memory is what the store held within the last second.
    pub is_current: bool,
    /// The number of the newest entry that memory knows, whether it can still hit something or not.
    pub newest: i64,
}

struct Memory {
    revoked: RevocationSet,
    read_at: Instant,
}

impl RevocationFeed {
    /// Reads all there is.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open(
        store: Arc<dyn Revocations>,
        steady: Arc<SteadyClock>,
        fresh: Epoch,
    ) -> Result<Self, StoreError> {
        let feed = Self {
            epoch: store.epoch(fresh).await?,
            store,
            steady,
            memory: RwLock::new(Memory {
                revoked: RevocationSet::default(),
                read_at: Instant::now(),
            }),
            reading: Mutex::default(),
            newest: watch::Sender::new(0),
        };
        feed.read().await?;
        Ok(feed)
    }

    /// Reads what is new, again and again.
    pub async fn keep_current(self: Arc<Self>, shutdown: CancellationToken) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.catch_up().await,
                () = shutdown.cancelled() => return,
            }
        }
    }

    /// Tells the number of the newest entry whenever it grows.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// What there is after `sequence`.
    #[must_use]
    pub fn after(&self, sequence: i64, limit: usize) -> RevocationBatch {
        let memory = self.memory();
        RevocationBatch {
            entries: memory.revoked.after(sequence, limit),
            is_current: memory.is_current(),
            newest: memory.revoked.newest(),
        }
    }

    /// By which number whatever is committed is told to those who watch; 0 when the store does not say.
    pub async fn revocation_sequence(&self) -> i64 {
        self.newest_committed().await.unwrap_or_default()
    }

    async fn newest_committed(&self) -> Option<i64> {
        match self.read().await {
            Ok(()) => Some(self.newest()),
            Err(error) => {
                FAULTS.log(|times| {
                    tracing::error!(%error, times, "revocations cannot be read; tokens are looked up one by one");
                });
                None
            }
        }
    }

    /// The number of the newest entry.
    #[must_use]
    pub fn newest(&self) -> i64 {
        self.memory().revoked.newest()
    }

    async fn read(&self) -> Result<(), StoreError> {
        let _turn = self.reading.lock().await;
        loop {
            let asked_at = Instant::now();
            let after = self.newest();
            let news = self.store.revocations_after(after, PAGE).await?;
            let is_all = news.len() < PAGE as usize;
            if self.take_in(news, is_all.then_some(asked_at)) {
                return Ok(());
            }
        }
    }

    /// Whether that was all.
    fn take_in(&self, news: Vec<Revocation>, current_as_of: Option<Instant>) -> bool {
        let has_news = !news.is_empty();
        let mut memory = self.memory_mut();
        for revocation in news {
            memory.revoked.insert(revocation);
        }
        memory.revoked.prune(self.steady.now());
        if let Some(asked_at) = current_as_of {
            memory.read_at = asked_at;
        }
        let newest = memory.revoked.newest();
        drop(memory);
        if has_news {
            self.newest.send_replace(newest);
        }
        current_as_of.is_some()
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
        self.read_at.elapsed() < CURRENT_FOR
    }
}

#[async_trait]
impl RevocationMemory for RevocationFeed {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    fn judge(&self, claims: &Claims) -> RevocationStatus {
        let memory = self.memory();
        if let Some(refused) = memory.revoked.is_revoked(claims) {
            return RevocationStatus::Refused(refused);
        }
        // A restored store does not know what was issued before; its rows tell.
        if memory.is_current() && claims.issued_at > self.epoch.begun_at {
            RevocationStatus::Live
        } else {
            RevocationStatus::Unknown
        }
    }

    async fn catch_up(&self) {
        let _ = self.newest_committed().await;
    }
}
