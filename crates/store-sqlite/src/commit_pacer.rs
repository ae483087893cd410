//! The pace of group commits.

use std::time::Duration;

use tokio::time::Instant;

/// Mean time between two commits under continuous load. A commit costs as much as several statements.
const INTERVAL: Duration = Duration::from_millis(20);
/// Number of commits that may follow each other without that interval.
const BURST: u32 = 8;

/// The pace of commits, by the generic cell rate algorithm (GCRA).
pub(super) struct CommitPacer {
    /// When a whole burst is allowed again: the theoretical arrival time of the algorithm.
    full_burst_at: Instant,
}

impl CommitPacer {
    pub(super) const fn new(now: Instant) -> Self {
        Self { full_burst_at: now }
    }

    /// When the next commit is allowed; may be in the past.
    pub(super) fn next_commit(&self) -> Instant {
        self.full_burst_at - INTERVAL * (BURST - 1)
    }

    /// Records a commit.
    pub(super) fn record(&mut self, now: Instant) {
        self.full_burst_at = self.full_burst_at.max(now) + INTERVAL;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pacer_allows_a_burst_and_then_a_steady_pace() {
        let mut now = Instant::now();
        let mut pacer = CommitPacer::new(now);
        for _round in 0..2 {
            for _ in 0..BURST {
                assert!(pacer.next_commit() <= now);
                pacer.record(now);
            }
            for _ in 0..3 {
                assert_eq!(pacer.next_commit(), now + INTERVAL);
                now += INTERVAL;
                pacer.record(now);
            }
            now += INTERVAL * BURST;
        }
    }
}
