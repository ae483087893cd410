//! What everybody else sees meanwhile.

use std::time::{Duration, Instant};

/// What is good enough for the other clients.
const MOST_P99: Duration = Duration::from_secs(1);

/// How long each of the other clients' requests took, the shortest first.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Asks one time after the other for this long, and once at least.
    pub(crate) async fn measure(period: Duration, ask: impl AsyncFn()) -> Self {
        let begun = Instant::now();
        let mut latencies = Vec::new();
        loop {
            let asked = Instant::now();
            ask().await;
            latencies.push(asked.elapsed());
            if begun.elapsed() >= period {
                break;
            }
        }
        latencies.sort_unstable();
        Self(latencies)
    }

    /// The latency that all but one of a hundred requests stay below.
    pub(crate) fn p99(&self) -> Duration {
        let last = self.0.len() - 1;
        self.0[last * 99 / 100]
    }

    /// Fails when the others had to wait.
    pub(crate) fn assert_short(&self, attack: &str) {
        let (count, p99) = (self.0.len(), self.p99());
        println!("{attack}: {count} requests of others, p99 {p99:?}");
        assert!(p99 < MOST_P99, "{attack}: {p99:?} of {:?}", self.0);
    }
}
