//! `Retry-After` (RFC 9110 §10.2.3).

use std::time::Duration;

/// Whole seconds for `Retry-After` (RFC 9110 §10.2.3): rounded up, and at least one.
#[must_use]
pub fn retry_after_seconds(wait: Duration) -> u64 {
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    seconds.try_into().unwrap_or(u64::MAX)
}
