//! Metrics of the session store.

use std::sync::{
    LazyLock,
    atomic::{AtomicU8, Ordering},
};

use holdfast_metrics::{Counter, Gauge, GaugeOf, Histogram, Registry, durations};

/// Sessions that were read from the cache.
pub(super) static HITS: LazyLock<Counter> = LazyLock::new(Counter::default);
/// Sessions that were read from Redis.
pub(super) static MISSES: LazyLock<Counter> = LazyLock::new(Counter::default);
pub(super) static INVALIDATIONS: LazyLock<Counter> = LazyLock::new(Counter::default);
pub(super) static CLEARINGS: LazyLock<Counter> = LazyLock::new(Counter::default);
/// Whether the cache is used; one of the constants below.
static CURRENT: AtomicU8 = AtomicU8::new(NO_CACHE);
const NO_CACHE: u8 = 0;
const NOT_CURRENT: u8 = 1;
const IS_CURRENT: u8 = 2;
pub(super) static COMMANDS: LazyLock<Histogram> = LazyLock::new(durations);
pub(super) static IN_FLIGHT: LazyLock<Gauge> = LazyLock::new(Gauge::default);
pub(super) static TIMEOUTS: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Records whether the cache is used.
pub(super) fn record_current(is_current: bool) {
    let state = if is_current { IS_CURRENT } else { NOT_CURRENT };
    CURRENT.store(state, Ordering::Relaxed);
}

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
    GaugeOf::register(
        registry,
        "session_cache_current",
        "Whether the cache is used (1), as Redis pushes what changes, or not (0); absent without Redis",
        || match CURRENT.load(Ordering::Relaxed) {
            NO_CACHE => None,
            current => Some(f64::from(u8::from(current == IS_CURRENT))),
        },
    );
    registry.register(
        "session_store_command_duration_seconds",
        "Duration of commands of the session store, up to the deadline of those that were not answered",
        COMMANDS.clone(),
    );
    registry.register(
        "session_store_commands_in_flight",
        "Commands of the session store that Redis has not answered: all share one connection",
        IN_FLIGHT.clone(),
    );
}
