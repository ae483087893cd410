//! Durations, repetitions, and waiting for what another task does.

pub(crate) const fn minutes(minutes: u64) -> std::time::Duration {
    std::time::Duration::from_secs(minutes * 60)
}

pub(crate) const fn seconds(seconds: u64) -> std::time::Duration {
    std::time::Duration::from_secs(seconds)
}

/// The number of repetitions of a race: `short`, or two hundred with `cargo xtask test --long`.
pub(crate) fn rounds(short: usize) -> usize {
    if std::env::var_os("HOLDFAST_TEST_LONG").is_some() {
        200
    } else {
        short
    }
}

/// Repeats `condition` for up to five seconds until it returns a value: what another process wrote arrives within a moment.
pub(crate) async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(value) = condition().await {
            return value;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("waited too long for {what}");
}
