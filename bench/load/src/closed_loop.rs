//! Many who do one thing after the other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};

/// Whose turn it is: numbers, each once, until there are enough or the time is over. Clones count together.
#[derive(Clone)]
pub(crate) struct Turns {
    next: Arc<AtomicU64>,
    end: u64,
    until: Option<Instant>,
}

impl Turns {
    /// So many.
    pub(crate) fn count(count: u64) -> Self {
        Self {
            next: Arc::default(),
            end: count,
            until: None,
        }
    }

    /// From this number on, for this long.
    pub(crate) fn during(length: Duration, first: u64) -> Self {
        Self {
            next: Arc::new(AtomicU64::new(first)),
            end: u64::MAX,
            until: Some(Instant::now() + length),
        }
    }

    pub(crate) fn next(&self) -> Option<u64> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        (turn < self.end).then_some(turn)
    }
}

/// What all of them brought; the first failure is everybody's.
pub(crate) async fn all<T: 'static>(
    mut tasks: JoinSet<anyhow::Result<T>>,
) -> anyhow::Result<Vec<T>> {
    let mut brought = Vec::new();
    while let Some(done) = tasks.join_next().await {
        brought.push(done??);
    }
    Ok(brought)
}
