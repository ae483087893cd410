//! Concurrent calls.

use std::{future::Future, sync::Arc};

use futures_util::future::join_all;
use tokio::sync::Barrier;

/// Number of calls that compete.
pub(crate) const RACERS: usize = 50;

/// Starts [`RACERS`] calls at the same moment, and returns their results.
pub(crate) async fn race<T, F>(call: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(RACERS));
    let racers = (0..RACERS).map(|racer| {
        let (start, call) = (Arc::clone(&start), call(racer));
        tokio::spawn(async move {
            start.wait().await;
            call.await
        })
    });
    let results = join_all(racers).await;
    results.into_iter().map(Result::unwrap).collect()
}

/// The number of results that are true.
pub(crate) fn winners(results: &[bool]) -> usize {
    results.iter().filter(|has_won| **has_won).count()
}

/// The number of rounds of a race: `short`, or two hundred with `cargo xtask test --long`.
pub(crate) fn rounds(short: usize) -> usize {
    if std::env::var_os("HOLDFAST_TEST_LONG").is_some() {
        200
    } else {
        short
    }
}
