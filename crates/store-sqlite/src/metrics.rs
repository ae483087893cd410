//! Metrics of the commits of all stores.

use std::sync::LazyLock;

use holdfast_metrics::{Counter, Histogram, Registry, durations};

pub(super) static WRITES: LazyLock<Counter> = LazyLock::new(Counter::default);
pub(super) static COMMITS: LazyLock<Histogram> = LazyLock::new(durations);

/// Adds them to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(
        "sqlite_writes",
        "Writes to SQLite, of which several are committed together",
        WRITES.clone(),
    );
    registry.register(
        "sqlite_commit_duration_seconds",
        "Duration of transactions on SQLite that write",
        COMMITS.clone(),
    );
}
