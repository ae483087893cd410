//! File descriptors: as many as the system allows, and no more connections than they suffice for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is needed beside connections: the database, logs, listeners, connections to other services.
const RESERVED: u64 = 64;

/// Raises the limit of this process to what it may be, and says how many connections it then has descriptors for:
/// `wanted`, or fewer.
#[must_use]
pub fn raise_fd_limit(wanted: usize) -> usize {
    let allowed = raise();
    let room = allowed.map_or(usize::MAX, |allowed| {
        usize::try_from(allowed.saturating_sub(RESERVED)).unwrap_or(usize::MAX)
    });
    if room < wanted {
        tracing::warn!(
            wanted,
            allowed,
            "the limit of open files (ulimit -n) allows fewer connections"
        );
    }
    wanted.min(room)
}

/// The limit after it was raised; `None`: there is none.
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
