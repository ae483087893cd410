//! What all users of the connection to Redis share.

use std::time::Duration;

use holdfast_core::rate_limited_log::LogRateLimiter;

/// Deadline of a command, including the wait for a connection.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_millis(500);

/// Limits the log lines about a connection that fails.
pub(super) static FAULTS: LogRateLimiter = LogRateLimiter::new();
