//! Which calls may be repeated, and how long they may take.

use std::time::Duration;

use crate::transport::connections::Lane;

/// The deadline of a call, and whether another endpoint may be tried when the outcome is unknown.
#[derive(Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// For all attempts together, including connecting.
    pub(crate) deadline: Duration,
    /// Whether the call may be sent to another endpoint when the first one may have received it.
    pub(crate) repeat: bool,
    /// Connection of the call.
    pub(crate) lane: Lane,
}

impl RetryPolicy {
    /// Whether the call may be sent to another endpoint after one that gave no answer. `was_sent`: that one may have received it.
    pub(crate) const fn may_repeat(self, was_sent: bool) -> bool {
        self.repeat || !was_sent
    }

    /// The same, for a call that may have to wait until auth-service has read a document of somebody else.
    pub(crate) const fn reading_documents(self) -> Self {
        Self {
            deadline: Duration::from_secs(8),
            ..self
        }
    }
}

/// For calls that change nothing.
pub(crate) const READ: RetryPolicy = RetryPolicy {
    deadline: Duration::from_millis(1500),
    repeat: true,
    lane: Lane::Quick,
};

/// For calls that change something, or that contain a one-time credential.
pub(crate) const CHANGE: RetryPolicy = RetryPolicy {
    repeat: false,
    ..READ
};

/// For calls that hash passwords, which may wait in a queue: two of them for a password change.
pub(crate) const PASSWORD: RetryPolicy = RetryPolicy {
    deadline: Duration::from_secs(8),
    repeat: false,
    lane: Lane::Passwords,
};

/// For streams that are forwarded to receivers.
pub(crate) const STREAM: RetryPolicy = RetryPolicy {
    lane: Lane::Streams,
    ..READ
};
