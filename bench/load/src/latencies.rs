//! How long answers took.

use std::{fmt, time::Duration};

/// Of all that was asked.
#[derive(Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn note(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub(crate) fn add(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// In the order that percentiles are read from.
    pub(crate) fn sorted(mut self) -> Sorted {
        self.0.sort_unstable();
        Sorted(self.0)
    }
}

/// How many, and the median, the 99th percentile and the longest in microseconds.
pub(crate) struct Sorted(Vec<Duration>);

impl Sorted {
    fn at(&self, percent: usize) -> u128 {
        let last = self.0.len().saturating_sub(1);
        let index = (self.0.len() * percent / 100).min(last);
        self.0.get(index).map_or(0, Duration::as_micros)
    }

    /// With how long all of it took: `COUNT ELAPSED P50 P99`.
    pub(crate) fn within(&self, elapsed: Duration) -> String {
        let (count, elapsed) = (self.0.len(), elapsed.as_micros());
        format!("{count} {elapsed} {} {}", self.at(50), self.at(99))
    }
}

impl fmt::Display for Sorted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, p50, p99, most) = (self.0.len(), self.at(50), self.at(99), self.at(100));
        write!(f, "{count} {p50} {p99} {most}")
    }
}
