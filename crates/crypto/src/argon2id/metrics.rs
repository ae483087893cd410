//! Metrics of password hashing.

use std::sync::LazyLock;

use holdfast_metrics::{Counter, Gauge, Histogram, Registry, durations};

pub(super) static WAITING: LazyLock<Gauge> = LazyLock::new(Gauge::default);
pub(super) static REFUSED: LazyLock<Counter> = LazyLock::new(Counter::default);
pub(super) static WAITS: LazyLock<Histogram> = LazyLock::new(durations);
pub(super) static HASHES: LazyLock<Histogram> = LazyLock::new(durations);

/// Adds them to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(
        "password_queue_length",
        "Passwords that wait to be hashed",
        WAITING.clone(),
    );
    registry.register(
        "password_queue_refusals",
        "Passwords that were refused, as their wait would have been too long",
        REFUSED.clone(),
    );
    registry.register(
        "password_queue_wait_seconds",
        "Time for which passwords waited to be hashed, or to be refused for that",
        WAITS.clone(),
    );
    registry.register(
        "password_hash_duration_seconds",
        "Time that the hash of a password took",
        HASHES.clone(),
    );
}
