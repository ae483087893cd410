//! What a connection and the requests on it have in common.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::Waker,
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use crate::connections::answers::Answers;

/// An unused connection counts as idle for this much longer once it is older than [`GRACE`]: one that was good for a request
/// is worth more.
const UNUSED: Duration = Duration::from_mins(1);
/// How long a new connection may take until its first request before that: a TLS handshake over a slow network.
const GRACE: Duration = Duration::from_secs(2);

/// What the connections of one client network have in use, all together.
#[derive(Debug, Default)]
pub(crate) struct NetworkLoad {
    /// Open connections.
    pub(super) connections: AtomicUsize,
    /// Requests in progress.
    pub(crate) requests: AtomicUsize,
}

/// A connection, as the requests on it see it. Clones are the same connection.
#[derive(Clone, Debug)]
pub struct ConnectionHandle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    peer: SocketAddr,
    load: Arc<NetworkLoad>,
    opened: Instant,
    is_trusted: AtomicBool,
    /// When its last request came, in milliseconds since it was opened; 0: there was none.
    last_request: AtomicU64,
    in_progress: AtomicUsize,
    is_closed: AtomicBool,
    waker: AtomicWaker,
    answers: Arc<Answers>,
}

impl ConnectionHandle {
    pub(super) fn new(peer: SocketAddr, load: Arc<NetworkLoad>, is_trusted: bool) -> Self {
        Self(Arc::new(Shared {
            peer,
            load,
            opened: Instant::now(),
            is_trusted: AtomicBool::new(is_trusted),
            last_request: AtomicU64::default(),
            in_progress: AtomicUsize::default(),
            is_closed: AtomicBool::default(),
            waker: AtomicWaker::new(),
            answers: Arc::default(),
        }))
    }

    /// The address of the other end.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Whether the other end is part of the installation, such as the other service or a reverse proxy. Such a connection is
    /// not closed in favour of a new one.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.0.is_trusted.load(Relaxed)
    }

    /// Notes that the other end proved to be part of the installation.
    pub fn trust(&self) {
        self.0.is_trusted.store(true, Relaxed);
    }

    /// The answers that the client has not taken yet.
    #[must_use]
    pub fn answers(&self) -> &Arc<Answers> {
        &self.0.answers
    }

    /// What its client network has in use.
    pub(crate) fn load(&self) -> &NetworkLoad {
        &self.0.load
    }

    /// Notes that a request is worked on.
    pub(crate) fn begin_request(&self, now: Instant) {
        self.0.in_progress.fetch_add(1, Relaxed);
        self.used(now);
    }

    /// Notes that a request has its answer.
    pub(crate) fn end_request(&self) {
        self.0.in_progress.fetch_sub(1, Relaxed);
    }

    pub(super) fn used(&self, now: Instant) {
        let since_opened = now.duration_since(self.0.opened).as_millis();
        let since_opened = u64::try_from(since_opened).unwrap_or(u64::MAX).max(1);
        self.0.last_request.store(since_opened, Relaxed);
    }

    /// How long nothing was asked on it, for the choice of the one to close: more for one that was never used, nothing while a request
    /// is worked on.
    pub(super) fn idle(&self, now: Instant) -> Duration {
        if self.0.in_progress.load(Relaxed) > 0 {
            return Duration::ZERO;
        }
        let last = Duration::from_millis(self.0.last_request.load(Relaxed));
        let idle = now.saturating_duration_since(self.0.opened + last);
        if last.is_zero() && idle >= GRACE {
            idle + UNUSED
        } else {
            idle
        }
    }

    /// Ends the connection: what reads or writes on it gets an error.
    pub(super) fn close(&self) {
        self.0.is_closed.store(true, Relaxed);
        self.0.waker.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed.load(Relaxed)
    }

    /// Has [`close`](Self::close) wake the task that waits for the connection.
    pub(super) fn wake_at_close(&self, waker: &Waker) {
        self.0.waker.register(waker);
    }
}
