//! How many requests are worked on at once. What comes beyond is refused at once, counted and visible in readiness.

use std::{
    borrow::Borrow,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use holdfast_core::rate_limited_log::LogRateLimiter;
use tokio::time::Instant;

use crate::connections::ConnectionHandle;

/// How long a refusal makes the service count as overloaded.
const RECENT: Duration = Duration::from_secs(5);

/// How many places there are.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// For all requests together.
    pub all: usize,
    /// How many of them only trusted peers get.
    pub reserved: usize,
    /// For one client network, unless it is trusted.
    pub per_network: usize,
}

/// Counts the requests that are worked on. Nobody waits for a place, so there is neither a queue nor a lock.
#[derive(Debug)]
pub struct RequestLimit {
    places: Places,
    taken: AtomicUsize,
    refused: AtomicU64,
    /// When the last one was refused for want of places, in milliseconds since `begun`, plus one; 0: none was.
    last_refused: AtomicU64,
    begun: Instant,
    log: LogRateLimiter,
}

/// A place, until the request has its answer. `L` refers to the limit.
#[derive(Debug)]
pub struct Place<L: Borrow<RequestLimit>> {
    limit: L,
    connection: Option<ConnectionHandle>,
}

impl<L: Borrow<RequestLimit>> Drop for Place<L> {
    fn drop(&mut self) {
        self.limit.borrow().taken.fetch_sub(1, Relaxed);
        if let Some(connection) = &self.connection {
            connection.load().requests.fetch_sub(1, Relaxed);
            connection.end_request();
        }
    }
}

impl RequestLimit {
    /// All places free.
    #[must_use]
    pub fn new(places: Places) -> Self {
        Self {
            places,
            taken: AtomicUsize::default(),
            refused: AtomicU64::default(),
            last_refused: AtomicU64::default(),
            begun: Instant::now(),
            log: LogRateLimiter::new(),
        }
    }

    /// Takes a place for a request that is there as a whole and came on `connection` at `now`. Only where strangers have too
    /// many, `is_trusted` is asked whether this request is of a part of the installation. `None`: there is none; the refusal is counted.
    pub fn enter<L: Borrow<Self>>(
        limit: L,
        connection: Option<ConnectionHandle>,
        now: Instant,
        is_trusted: impl FnOnce() -> bool,
    ) -> Option<Place<L>> {
        let place = Place { limit, connection };
        let this = place.limit.borrow();
        let before = this.taken.fetch_add(1, Relaxed);
        let of_network = place.connection.as_ref().map_or(0, |connection| {
            connection.begin_request(now);
            connection.load().requests.fetch_add(1, Relaxed)
        });
        let Places {
            all,
            reserved,
            per_network,
        } = this.places;
        if before < all - reserved && of_network < per_network {
            return Some(place);
        }
        if before < all && is_trusted() {
            return Some(place);
        }
        // What one network has too much of leaves the others their places.
        let is_full = before >= all - reserved;
        this.refuse(now, is_full);
        None
    }

    fn refuse(&self, now: Instant, is_full: bool) {
        self.refused.fetch_add(1, Relaxed);
        if is_full {
            self.last_refused.store(self.since_begun(now) + 1, Relaxed);
        }
        self.log.log(|refused| {
            tracing::warn!(
                event = "requests.refused",
                refused,
                places = self.places.all,
                "too many requests in progress; rejecting further ones"
            );
        });
    }

    fn since_begun(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.begun).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX - 1)
    }

    /// Whether no request was refused for want of places in the last seconds, for the probe of readiness. What one network had too much
    /// of does not count: it must not be able to take the service out of use.
    ///
    /// # Errors
    /// How many were refused since the start, in words for the operator.
    pub fn readiness(&self) -> Result<(), String> {
        let now = self.since_begun(Instant::now()) + 1;
        let last = self.last_refused.load(Relaxed);
        if last == 0 || u128::from(now.saturating_sub(last)) >= RECENT.as_millis() {
            return Ok(());
        }
        let refused = self.refused.load(Relaxed);
        Err(format!(
            "overloaded: requests are refused, {refused} since the start"
        ))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        net::{TcpListener, TcpStream},
        time::advance,
    };

    use super::*;
    use crate::connections::{Connection, Connections};

    const PLACES: Places = Places {
        all: 4,
        reserved: 1,
        per_network: 2,
    };

    fn enter<'a>(
        limit: &'a RequestLimit,
        connection: Option<&Connection>,
    ) -> Option<Place<&'a RequestLimit>> {
        let handle = connection.map(|connection| connection.handle().clone());
        RequestLimit::enter(limit, handle, Instant::now(), || false)
    }

    async fn connection() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, here) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, peer) = here.unwrap();
        let connections = Connections::new(1, Duration::from_mins(1));
        let connection = connections.admit(stream, peer, false).unwrap();
        (connection, client.unwrap())
    }

    #[tokio::test]
    async fn last_places_are_for_trusted_peers() {
        let limit = RequestLimit::new(PLACES);
        let taken: Vec<_> = (0..3).map(|_| enter(&limit, None).unwrap()).collect();
        assert!(enter(&limit, None).is_none());
        let trusted = || RequestLimit::enter(&limit, None, Instant::now(), || true);
        let last = trusted().unwrap();
        assert!(trusted().is_none(), "there are no more than all");
        drop((taken, last));
        assert!(enter(&limit, None).is_some());
    }

    #[tokio::test]
    async fn one_network_has_a_part_of_the_places() {
        let limit = RequestLimit::new(PLACES);
        let (connection, _client) = connection().await;
        let taken = [(); 2].map(|()| enter(&limit, Some(&connection)).unwrap());
        assert!(enter(&limit, Some(&connection)).is_none());
        assert!(enter(&limit, None).is_some());
        assert_eq!(limit.readiness(), Ok(()), "others have places");
        let handle = Some(connection.handle().clone());
        assert!(RequestLimit::enter(&limit, handle, Instant::now(), || true).is_some());
        drop(taken);
        assert!(enter(&limit, Some(&connection)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_says_that_requests_are_refused_for_some_seconds() {
        let limit = RequestLimit::new(Places {
            all: 1,
            reserved: 0,
            per_network: 1,
        });
        assert_eq!(limit.readiness(), Ok(()));
        let place = enter(&limit, None);
        for _ in 0..2 {
            assert!(enter(&limit, None).is_none());
        }
        drop(place);
        advance(Duration::from_millis(4990)).await;
        let reason = limit.readiness().unwrap_err();
        assert!(reason.contains("2 since the start"), "{reason}");
        advance(Duration::from_millis(10)).await;
        assert_eq!(limit.readiness(), Ok(()));
    }
}
