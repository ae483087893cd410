//! The limit of open files, raised to its maximum.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors for other purposes than incoming connections: database, logs, listeners, connections to other services.
const RESERVED: u64 = 64;

/// Raises the limit of open files of this process to its hard limit; returns the number of connections for which it suffices, at most
/// `wanted`.
#[must_use]
pub fn raise_fd_limit(wanted: usize) -> usize {
    let allowed = raise();
    let room = room(allowed);
    if room < wanted {
        tracing::warn!(
            event = "connections.limit_lowered",
            wanted,
            allowed,
            "the limit of open files (ulimit -n) allows fewer connections"
        );
    }
    wanted.min(room)
}

/// The hard limit. `None`: unlimited.
#[must_use]
pub fn maximum() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// The number of connections for which a limit suffices. `None`: unlimited.
#[must_use]
pub fn room(limit: Option<u64>) -> usize {
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit.saturating_sub(RESERVED)).unwrap_or(usize::MAX)
    })
}

/// The new limit. `None`: unlimited.
fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}
