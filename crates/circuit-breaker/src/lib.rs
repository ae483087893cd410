//! Circuit breaker: rejects calls to a peer that does not answer, and probes it in the background until it does.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, LazyLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use holdfast_metrics::{Counters, Gauges, Registry};
use tokio::time::{Instant, sleep, timeout};

/// Deadline of one probe.
const PROBE_DEADLINE: Duration = Duration::from_secs(1);

/// The pause after the first failed probe, which doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Time between two log lines about a peer that stays unavailable.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

static OPENINGS: LazyLock<Counters<1>> = LazyLock::new(Counters::default);
static OPEN: LazyLock<Gauges<1>> = LazyLock::new(Gauges::default);

/// Adds the metrics of all circuit breakers to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(
        "circuit_breaker_openings",
        "Times that a circuit breaker was opened, by kind of peer",
        OPENINGS.clone(),
    );
    registry.register(
        "circuit_breakers_open",
        "Circuit breakers that are open, by kind of peer",
        OPEN.clone(),
    );
}

/// What kind of peer is behind a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// Redis.
    Redis,
    /// An instance of auth-service.
    AuthService,
}

impl PeerKind {
    const fn labels(self) -> [(&'static str, &'static str); 1] {
        let name = match self {
            Self::Redis => "redis",
            Self::AuthService => "auth_service",
        };
        [("peer", name)]
    }
}

/// A call that finds out whether the peer is available. The error states why it is not, for the log.
pub type Probe = Box<dyn Fn() -> ProbeResult + Send + Sync>;

/// The future of a [`Probe`].
pub type ProbeResult = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// The circuit breaker of one peer. Clones share its state.
#[derive(Clone)]
pub struct CircuitBreaker(Arc<Inner>);

struct Inner {
    kind: PeerKind,
    peer: String,
    is_open: AtomicBool,
    probe: Probe,
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("peer", &self.0.peer)
            .field("is_open", &self.is_open())
            .finish()
    }
}

impl CircuitBreaker {
    /// A closed breaker, which lets calls pass. `peer` is its name in the log.
    #[must_use]
    pub fn new(kind: PeerKind, peer: String, probe: Probe) -> Self {
        // Series that exist from the start can be compared with later.
        drop(OPENINGS.get_or_create(&kind.labels()));
        drop(OPEN.get_or_create(&kind.labels()));
        Self(Arc::new(Inner {
            kind,
            peer,
            is_open: AtomicBool::new(false),
            probe,
        }))
    }

    /// Whether calls are to be rejected without calling the peer.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.is_open.load(Ordering::Relaxed)
    }

    /// Opens the breaker after a call without an answer, until a probe succeeds. `why` is the failure, for the log.
    pub fn open(&self, why: &str) {
        if self.0.is_open.swap(true, Ordering::Relaxed) {
            return;
        }
        OPENINGS.get_or_create(&self.0.kind.labels()).inc();
        OPEN.get_or_create(&self.0.kind.labels()).inc();
        tracing::error!(
            event = "circuit_breaker.opened",
            peer = self.0.peer,
            why,
            "peer unavailable; rejecting calls until a probe succeeds"
        );
        tokio::spawn(close_when_available(Arc::downgrade(&self.0)));
    }
}

impl Inner {
    fn close(&self) {
        if self.is_open.swap(false, Ordering::Relaxed) {
            OPEN.get_or_create(&self.kind.labels()).dec();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// Probes the peer until it answers. Ends early when the breaker is dropped.
async fn close_when_available(breaker: Weak<Inner>) {
    let opened_at = Instant::now();
    let mut logged_at = opened_at;
    let mut pause = FIRST_PAUSE;
    while let Some(breaker) = breaker.upgrade() {
        let Err(why) = probe(&breaker.probe).await else {
            breaker.close();
            tracing::info!(
                event = "circuit_breaker.closed",
                peer = breaker.peer,
                away_s = opened_at.elapsed().as_secs_f64(),
                "peer available again"
            );
            return;
        };
        if logged_at.elapsed() >= LOG_INTERVAL {
            logged_at = Instant::now();
            tracing::error!(
                event = "circuit_breaker.still_open",
                peer = breaker.peer,
                why,
                away_s = opened_at.elapsed().as_secs(),
                "peer still unavailable"
            );
        }
        drop(breaker);
        sleep(pause).await;
        pause = MAX_PAUSE.min(pause * 2);
    }
}

async fn probe(probe: &Probe) -> Result<(), String> {
    let result = timeout(PROBE_DEADLINE, probe()).await;
    result.unwrap_or_else(|_elapsed| Err("no answer in time".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::atomic::AtomicUsize};

    use super::*;

    /// A breaker whose peer answers after this many failed probes, and the number of probes.
    fn breaker(failures: usize) -> (CircuitBreaker, Arc<AtomicUsize>) {
        let probes = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&probes);
        let probe: Probe = Box::new(move || {
            let number = count.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                if number < failures {
                    Err("unavailable".to_owned())
                } else {
                    Ok(())
                }
            })
        });
        (
            CircuitBreaker::new(PeerKind::Redis, "peer".to_owned(), probe),
            probes,
        )
    }

    async fn wait_until_closed(breaker: &CircuitBreaker) {
        while breaker.is_open() {
            sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn breaker_opens_at_once_and_closes_when_a_probe_succeeds() {
        let (breaker, probes) = breaker(3);
        assert!(!breaker.is_open());
        breaker.open("connection refused");
        assert!(breaker.is_open());

        let begun = Instant::now();
        wait_until_closed(&breaker).await;

        assert_eq!(probes.load(Ordering::Relaxed), 4);
        // 10 + 20 + 40 ms.
        assert!(begun.elapsed() >= Duration::from_millis(70));
        assert!(begun.elapsed() < Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn pause_between_probes_grows_to_its_maximum() {
        let (breaker, probes) = breaker(usize::MAX);
        breaker.open("connection refused");
        sleep(Duration::from_mins(10)).await;
        let probes = probes.load(Ordering::Relaxed);
        assert!((500..=620).contains(&probes), "{probes} probes");
        assert!(breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn hanging_probe_fails_at_its_deadline() {
        let breaker = CircuitBreaker::new(
            PeerKind::Redis,
            "peer".to_owned(),
            Box::new(|| Box::pin(pending())),
        );
        breaker.open("connection refused");
        sleep(Duration::from_mins(1)).await;
        assert!(breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_failures_start_one_probe() {
        let (breaker, probes) = breaker(0);
        for _ in 0..100 {
            breaker.open("connection refused");
        }
        wait_until_closed(&breaker).await;
        assert_eq!(probes.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_breaker_stops_probing() {
        let (breaker, probes) = breaker(usize::MAX);
        breaker.open("connection refused");
        drop(breaker);
        sleep(Duration::from_mins(1)).await;
        assert!(probes.load(Ordering::Relaxed) <= 1);
    }
}
