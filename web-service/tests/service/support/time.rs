//! Waiting for what another task does.

use std::time::Duration;

/// Repeats `condition` for up to five seconds until it returns a value: what another process did arrives within a moment.
pub(crate) async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(value) = condition().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited too long for {what}");
}
