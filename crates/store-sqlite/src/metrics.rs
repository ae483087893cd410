//! Metrics of the connections and commits of all stores.

use std::sync::LazyLock;

use holdfast_metrics::{
    Counter, Gauge, Gauges, Histogram, Histograms, InProgress, Registry, duration_histograms,
    durations,
};

static IN_USE: LazyLock<Gauges<1>> = LazyLock::new(Gauges::default);
static SLOTS: LazyLock<Gauges<1>> = LazyLock::new(Gauges::default);
static WAITS: LazyLock<Histograms<1>> = LazyLock::new(duration_histograms);
pub(super) static WRITES: LazyLock<Counter> = LazyLock::new(Counter::default);
pub(super) static COMMITS: LazyLock<Histogram> = LazyLock::new(durations);

/// Adds them to a registry.
pub fn register(registry: &mut Registry) {
    // Series that exist from the start can be compared with later.
    drop([PoolKind::Read, PoolKind::Write].map(|kind| PoolMetrics::new(kind, 0)));
    registry.register(
        "sqlite_connections_in_use",
        "Connections to SQLite that are in use, by what they do",
        IN_USE.clone(),
    );
    registry.register(
        "sqlite_connection_slots",
        "Connections to SQLite that can be in use at once, by what they do; 0 without SQLite",
        SLOTS.clone(),
    );
    registry.register(
        "sqlite_connection_wait_seconds",
        "Time for which operations, or the commit of several, waited for a connection to SQLite, by what it does",
        WAITS.clone(),
    );
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

/// What the connections of a pool do.
#[derive(Clone, Copy, Debug)]
pub(super) enum PoolKind {
    Read,
    Write,
}

impl PoolKind {
    const fn labels(self) -> [(&'static str, &'static str); 1] {
        let name = match self {
            Self::Read => "read",
            Self::Write => "write",
        };
        [("pool", name)]
    }
}

/// The metrics of one pool, which are looked up once.
#[derive(Debug)]
pub(super) struct PoolMetrics {
    in_use: Gauge,
    slots: Gauge,
    pub(super) waits: Histogram,
    size: i64,
}

impl PoolMetrics {
    /// Of an open pool with this number of connections.
    pub(super) fn new(kind: PoolKind, size: usize) -> Self {
        let slots = SLOTS.get_or_create_owned(&kind.labels());
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        slots.inc_by(size);
        Self {
            in_use: IN_USE.get_or_create_owned(&kind.labels()),
            slots,
            waits: WAITS.get_or_create_owned(&kind.labels()),
            size,
        }
    }

    /// Counts a connection as used until the result is dropped.
    pub(super) fn use_connection(&self) -> InProgress<'_> {
        InProgress::begin(&self.in_use)
    }
}

impl Drop for PoolMetrics {
    fn drop(&mut self) {
        self.slots.dec_by(self.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_all_open_pools_are_counted() {
        let value = |gauges: &Gauges<1>| gauges.get_or_create_owned(&PoolKind::Read.labels()).get();
        let (slots, in_use) = (value(&SLOTS), value(&IN_USE));
        let pool = PoolMetrics::new(PoolKind::Read, 400);
        let connection = pool.use_connection();
        // Other tests use small pools at the same time.
        assert!(value(&SLOTS) >= slots + 200, "{slots}");
        assert!(value(&IN_USE) > in_use - 100, "{in_use}");
        drop(connection);
        drop(pool);
        assert!(value(&SLOTS) < slots + 200, "{slots}");
    }
}
