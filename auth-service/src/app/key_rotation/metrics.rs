//! The ages of the signing keys, by algorithm.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use holdfast_identity::key::{Algorithm, KeyAlgorithms, StoredSigningKey, newest_start};
use holdfast_metrics::{GaugesOf, Registry, real};

/// The gauges of one algorithm, in seconds since 1970; 0 before the keys were read, and where it is not configured.
struct Times {
    algorithm: Algorithm,
    signing_since: AtomicI64,
    rotation_at: AtomicI64,
}

impl Times {
    const fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            signing_since: AtomicI64::new(0),
            rotation_at: AtomicI64::new(0),
        }
    }
}

static TIMES: [Times; Algorithm::ALL.len()] = [
    Times::new(Algorithm::EdDsa),
    Times::new(Algorithm::Es256),
    Times::new(Algorithm::Rs256),
];

/// Adds the ages of the signing keys to a registry.
pub(in crate::app) fn register(registry: &mut Registry) {
    let mut gauges = |name, help, time: fn(&'static Times) -> &'static AtomicI64| {
        GaugesOf::register(registry, name, help, move || {
            let known = TIMES.iter().filter_map(|times| {
                let seconds = time(times).load(Ordering::Relaxed).unsigned_abs();
                let labels = [("algorithm", times.algorithm.as_str())];
                (seconds > 0).then(|| (labels, real(seconds)))
            });
            known.collect()
        });
    };
    gauges(
        "signing_key_start_timestamp_seconds",
        "Time from which on the newest signing key signs, by algorithm, in seconds since 1970",
        |times| &times.signing_since,
    );
    gauges(
        "signing_key_rotation_timestamp_seconds",
        "Time at which the next signing key is due, by algorithm, in seconds since 1970",
        |times| &times.rotation_at,
    );
}

/// Records the newest of `keys` of each configured algorithm, which is due for rotation at the age `max_age`.
pub(super) fn record(keys: &[StoredSigningKey], algorithms: &KeyAlgorithms, max_age: Duration) {
    for times in &TIMES {
        let newest = newest_start(keys, times.algorithm);
        if let Some(newest) = newest.filter(|_| algorithms.contains(times.algorithm)) {
            let rotation = newest + max_age;
            let (since, at) = (newest.unix_timestamp(), rotation.unix_timestamp());
            times.signing_since.store(since, Ordering::Relaxed);
            times.rotation_at.store(at, Ordering::Relaxed);
        }
    }
}
