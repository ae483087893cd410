//! Latencies of requests.

use std::{fmt, time::Duration};

/// Latencies in the order of the responses.
#[derive(Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Adds a latency.
    pub(crate) fn record(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// Adds the latencies of another task.
    pub(crate) fn merge(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The latencies in ascending order, for percentiles.
    pub(crate) fn sorted(mut self) -> Sorted {
        self.0.sort_unstable();
        Sorted(self.0)
    }
}

/// Sorted latencies. Displayed as `COUNT P50 P99 MAX`, in microseconds.
pub(crate) struct Sorted(Vec<Duration>);

impl Sorted {
    fn at(&self, percent: usize) -> u128 {
        let last = self.0.len().saturating_sub(1);
        let index = (self.0.len() * percent / 100).min(last);
        self.0.get(index).map_or(0, Duration::as_micros)
    }

    /// `COUNT ELAPSED P50 P99`, in microseconds.
    pub(crate) fn within(&self, elapsed: Duration) -> String {
        let (count, elapsed) = (self.0.len(), elapsed.as_micros());
        format!("{count} {elapsed} {} {}", self.at(50), self.at(99))
    }
}

impl fmt::Display for Sorted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, p50, p99, max) = (self.0.len(), self.at(50), self.at(99), self.at(100));
        write!(f, "{count} {p50} {p99} {max}")
    }
}
