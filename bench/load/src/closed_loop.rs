//! Concurrent tasks that each send one request after the other, and share one counter.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};

/// Gives each request a number, until a count or an end time is reached. Clones share the counter.
#[derive(Clone)]
pub(crate) struct ClosedLoop {
    next: Arc<AtomicU64>,
    end: u64,
    until: Option<Instant>,
}

impl ClosedLoop {
    /// Numbers from 0 to `count`, exclusive.
    pub(crate) fn count(count: u64) -> Self {
        Self {
            next: Arc::default(),
            end: count,
            until: None,
        }
    }

    /// Numbers from `first`, for `length`.
    pub(crate) fn during(length: Duration, first: u64) -> Self {
        Self {
            next: Arc::new(AtomicU64::new(first)),
            end: u64::MAX,
            until: Some(Instant::now() + length),
        }
    }

    /// The number of the next request, or none at the end.
    pub(crate) fn next(&self) -> Option<u64> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.end).then_some(number)
    }
}

/// The results of all tasks, or the first error.
pub(crate) async fn join_all<T: 'static>(
    mut tasks: JoinSet<anyhow::Result<T>>,
) -> anyhow::Result<Vec<T>> {
    let mut results = Vec::new();
    while let Some(result) = tasks.join_next().await {
        results.push(result??);
    }
    Ok(results)
}
