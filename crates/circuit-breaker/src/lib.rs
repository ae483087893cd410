//! Keeps calls away from a peer that does not answer, and asks it in the background until it does.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

/// For one question.
const PROBE_DEADLINE: Duration = Duration::from_secs(1);

/// The pause after the first question without an answer; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often the log is reminded of a peer that stays away.
const REMIND_AFTER: Duration = Duration::from_mins(1);

/// Asks the peer whether it is there; the error says why it seems not to be.
pub type Probe = Box<dyn Fn() -> ProbeAnswer + Send + Sync>;

/// What a [`Probe`] gives.
pub type ProbeAnswer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A switch between this service and one peer. Clones are the same switch.
#[derive(Clone)]
pub struct CircuitBreaker(Arc<Inner>);

struct Inner {
    peer: String,
    is_open: AtomicBool,
    probe: Probe,
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("peer", &self.0.peer)
            .field("is_open", &self.is_open())
            .finish()
    }
}

impl CircuitBreaker {
    /// Closed: calls may go out.
    #[must_use]
    pub fn new(peer: String, probe: Probe) -> Self {
        Self(Arc::new(Inner {
            peer,
            is_open: AtomicBool::new(false),
            probe,
        }))
    }

    /// Whether calls should be refused without asking the peer.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.is_open.load(Ordering::Relaxed)
    }

    /// A call got no answer: from now on none goes out until the peer answers a probe.
    pub fn open(&self, why: &str) {
        if self.0.is_open.swap(true, Ordering::Relaxed) {
            return;
        }
        let peer = &self.0.peer;
        tracing::error!(peer, why, "no answer; calls are refused until there is one");
        tokio::spawn(close_when_there(Arc::downgrade(&self.0)));
    }
}

async fn close_when_there(switch: Weak<Inner>) {
    let opened = Instant::now();
    let mut reminded = opened;
    let mut pause = FIRST_PAUSE;
    // A switch that nobody has any more needs no closing.
    while let Some(switch) = switch.upgrade() {
        let Err(why) = ask(&switch.probe).await else {
            switch.is_open.store(false, Ordering::Relaxed);
            let away_ms = opened.elapsed().as_millis();
            tracing::info!(peer = switch.peer, away_ms, "answers again");
            return;
        };
        if reminded.elapsed() >= REMIND_AFTER {
            reminded = Instant::now();
            let away_s = opened.elapsed().as_secs();
            tracing::error!(peer = switch.peer, why, away_s, "still no answer");
        }
        drop(switch);
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

async fn ask(probe: &Probe) -> Result<(), String> {
    let answer = timeout(PROBE_DEADLINE, probe()).await;
    answer.unwrap_or_else(|_elapsed| Err("no answer in time".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::atomic::AtomicUsize};

    use super::*;

    /// A peer that answers after this many probes in vain.
    fn peer(in_vain: usize) -> (CircuitBreaker, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let probe: Probe = Box::new(move || {
            let number = count.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                if number < in_vain {
                    Err("away".to_owned())
                } else {
                    Ok(())
                }
            })
        });
        (CircuitBreaker::new("peer".to_owned(), probe), asked)
    }

    async fn closed(breaker: &CircuitBreaker) {
        while breaker.is_open() {
            sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_at_once_and_closes_when_the_peer_answers() {
        let (breaker, asked) = peer(3);
        assert!(!breaker.is_open());
        breaker.open("refused");
        assert!(breaker.is_open());

        let begun = Instant::now();
        closed(&breaker).await;

        assert_eq!(asked.load(Ordering::Relaxed), 4);
        // 10 + 20 + 40 ms.
        assert!(begun.elapsed() >= Duration::from_millis(70));
        assert!(begun.elapsed() < Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_answers_is_asked_less_and_less_often() {
        let (breaker, asked) = peer(usize::MAX);
        breaker.open("refused");
        sleep(Duration::from_mins(10)).await;
        let asked = asked.load(Ordering::Relaxed);
        assert!((500..=620).contains(&asked), "{asked} times");
        assert!(breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_hangs_is_given_up() {
        let breaker = CircuitBreaker::new("peer".to_owned(), Box::new(|| Box::pin(pending())));
        breaker.open("refused");
        sleep(Duration::from_mins(1)).await;
        assert!(breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_at_once_start_one_probe() {
        let (breaker, asked) = peer(0);
        for _ in 0..100 {
            breaker.open("refused");
        }
        closed(&breaker).await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_asked_for_nobody() {
        let (breaker, asked) = peer(usize::MAX);
        breaker.open("refused");
        drop(breaker);
        sleep(Duration::from_mins(1)).await;
        assert!(asked.load(Ordering::Relaxed) <= 1);
    }
}
