//! Latency of other clients during an attack.

use std::time::{Duration, Instant};

/// Limit of the latency for other clients.
const MOST_P99: Duration = Duration::from_secs(1);

/// Latencies of the requests of other clients, in ascending order.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Sends one request after the other for this long, and at least one.
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

    /// Panics when the latency of other clients exceeds the limit.
    pub(crate) fn assert_short(&self, attack: &str) {
        let (count, p99) = (self.0.len(), self.p99());
        println!("{attack}: {count} requests of others, p99 {p99:?}");
        assert!(p99 < MOST_P99, "{attack}: {p99:?} of {:?}", self.0);
    }
}
