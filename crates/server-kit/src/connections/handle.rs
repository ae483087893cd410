//! The state that a connection shares with the requests on it.

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

use crate::connections::open_responses::OpenResponses;

/// Time that is added to the idle time of a connection without any request, once it is older than [`GRACE`], so that it is displaced
/// before one that had requests.
const UNUSED_PENALTY: Duration = Duration::from_mins(1);
/// Time that a new connection has until its first request, for a TLS handshake over a slow network.
const GRACE: Duration = Duration::from_secs(2);

/// The connections and requests of one client network.
#[derive(Debug, Default)]
pub(crate) struct NetworkLoad {
    /// Open connections.
    pub(super) connections: AtomicUsize,
    /// Requests in progress.
    pub(crate) requests: AtomicUsize,
}

/// A connection, as seen by the requests on it. Clones refer to the same connection.
#[derive(Clone, Debug)]
pub struct ConnectionHandle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    peer: SocketAddr,
    load: Arc<NetworkLoad>,
    opened: Instant,
    is_trusted: AtomicBool,
    /// When its last request arrived, in milliseconds since it was opened. 0: none has.
    last_request: AtomicU64,
    in_progress: AtomicUsize,
    is_closed: AtomicBool,
    waker: AtomicWaker,
    open_responses: Arc<OpenResponses>,
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
            open_responses: Arc::default(),
        }))
    }

    /// The address of the peer.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Whether the peer is part of the installation, such as the other service or a reverse proxy. A trusted connection is never displaced.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.0.is_trusted.load(Relaxed)
    }

    /// Marks the connection as trusted, after its peer has authenticated.
    pub fn trust(&self) {
        self.0.is_trusted.store(true, Relaxed);
    }

    /// The responses that the client has not received yet.
    #[must_use]
    pub fn open_responses(&self) -> &Arc<OpenResponses> {
        &self.0.open_responses
    }

    /// The connections and requests of its client network.
    pub(crate) fn load(&self) -> &NetworkLoad {
        &self.0.load
    }

    /// Counts a request as in progress.
    pub(crate) fn begin_request(&self, now: Instant) {
        self.0.in_progress.fetch_add(1, Relaxed);
        self.record_use(now);
    }

    /// Counts a request as finished.
    pub(crate) fn end_request(&self) {
        self.0.in_progress.fetch_sub(1, Relaxed);
    }

    /// Records the arrival of a request.
    pub(super) fn record_use(&self, now: Instant) {
        let since_opened = now.duration_since(self.0.opened).as_millis();
        let since_opened = u64::try_from(since_opened).unwrap_or(u64::MAX).max(1);
        self.0.last_request.store(since_opened, Relaxed);
    }

    /// Time since the last request, by which the connection to displace is chosen: longer for one without any request, zero while a request
    /// is in progress.
    pub(super) fn idle_time(&self, now: Instant) -> Duration {
        if self.0.in_progress.load(Relaxed) > 0 {
            return Duration::ZERO;
        }
        let last = Duration::from_millis(self.0.last_request.load(Relaxed));
        let idle = now.saturating_duration_since(self.0.opened + last);
        if last.is_zero() && idle >= GRACE {
            idle + UNUSED_PENALTY
        } else {
            idle
        }
    }

    /// Closes the connection: reads and writes on it fail.
    pub(super) fn close(&self) {
        self.0.is_closed.store(true, Relaxed);
        self.0.waker.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed.load(Relaxed)
    }

    /// Registers the task that [`close`](Self::close) wakes.
    pub(super) fn wake_at_close(&self, waker: &Waker) {
        self.0.waker.register(waker);
    }
}
