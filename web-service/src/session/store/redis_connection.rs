//! What all users of the connection to Redis share.

use std::time::Duration;

/// Deadline of a command, including the wait for a connection.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_millis(500);
