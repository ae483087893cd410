//! Metrics of the session store.

use std::sync::LazyLock;

use holdfast_metrics::{Counter, Gauge, Histogram, Registry, durations};

/// Sessions that were read from the cache.
pub(super) static HITS: LazyLock<Counter> = LazyLock::new(Counter::default);
/// Sessions that were read from Redis.
pub(super) static MISSES: LazyLock<Counter> = LazyLock::new(Counter::default);
pub(super) static INVALIDATIONS: LazyLock<Counter> = LazyLock::new(Counter::default);
pub(super) static CLEARINGS: LazyLock<Counter> = LazyLock::new(Counter::default);
/// Whether the cache is used: 1, or 0.
pub(super) static CURRENT: LazyLock<Gauge> = LazyLock::new(Gauge::default);
pub(super) static COMMANDS: LazyLock<Histogram> = LazyLock::new(durations);
pub(super) static TIMEOUTS: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Adds them to a registry.
pub(crate) fn register(registry: &mut Registry) {
    for (name, help, counter) in [
        (
            "session_cache_hits",
            "Sessions that were read from the cache",
            &HITS,
        ),
        (
            "session_cache_misses",
            "Sessions that were read from Redis",
            &MISSES,
        ),
        (
            "session_cache_invalidations",
            "Changes of single sessions that Redis pushed, or that this instance made",
            &INVALIDATIONS,
        ),
        (
            "session_cache_clearings",
            "Times that the whole cache was emptied, as invalidations may have been lost",
            &CLEARINGS,
        ),
        (
            "session_store_timeouts",
            "Commands of the session store that Redis did not answer in time",
            &TIMEOUTS,
        ),
    ] {
        registry.register(name, help, Counter::clone(counter));
    }
    registry.register(
        "session_cache_current",
        "Whether the cache is used (1), as Redis pushes what changes, or not (0)",
        CURRENT.clone(),
    );
    registry.register(
        "session_store_command_duration_seconds",
        "Duration of commands of the session store",
        COMMANDS.clone(),
    );
}
