//! A limit of requests in progress. Further requests are rejected at once and counted, and `/readyz` reports it.

use std::{
    borrow::Borrow,
    sync::Arc,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_metrics::{GaugeOf, Registry, real};
use tokio::time::Instant;

use crate::{connections::ConnectionHandle, refusals::Limit};

/// Time after a rejection for which the service is not ready.
const OVERLOADED_FOR: Duration = Duration::from_secs(5);

/// The number of request slots.
#[derive(Clone, Copy, Debug)]
pub struct SlotLimits {
    /// Slots of all requests together.
    pub total: usize,
    /// Slots of these that only trusted peers may take.
    pub reserved: usize,
    /// Slots that one client network may take, unless it is trusted.
    pub per_network: usize,
}

/// Counts the requests in progress. No request waits for a slot, so that there is neither a queue nor a lock.
#[derive(Debug)]
pub struct RequestLimit {
    limits: SlotLimits,
    in_use: AtomicUsize,
    rejected: AtomicU64,
    /// When a request was last rejected because all slots were in use, in milliseconds since `started`, plus one. 0: none was.
    last_rejected: AtomicU64,
    started: Instant,
    log: LogRateLimiter,
}

/// A request slot, which is free again when this is dropped. `L` is a reference to the limit.
#[derive(Debug)]
pub struct RequestSlot<L: Borrow<RequestLimit>> {
    limit: L,
    connection: Option<ConnectionHandle>,
}

impl<L: Borrow<RequestLimit>> Drop for RequestSlot<L> {
    fn drop(&mut self) {
        self.limit.borrow().in_use.fetch_sub(1, Relaxed);
        if let Some(connection) = &self.connection {
            connection.load().requests.fetch_sub(1, Relaxed);
            connection.end_request();
        }
    }
}

impl RequestLimit {
    /// With all slots free.
    #[must_use]
    pub fn new(limits: SlotLimits) -> Self {
        Self {
            limits,
            in_use: AtomicUsize::default(),
            rejected: AtomicU64::default(),
            last_rejected: AtomicU64::default(),
            started: Instant::now(),
            log: LogRateLimiter::new("requests.refused"),
        }
    }

    /// Adds the requests in progress, and their limit, to a registry.
    pub fn register(limit: &Arc<Self>, registry: &mut Registry) {
        let (in_use, slots) = (Arc::clone(limit), limit.limits.total);
        GaugeOf::register(
            registry,
            "requests_in_flight",
            "Requests in progress",
            move || Some(real(in_use.in_use.load(Relaxed) as u64)),
        );
        GaugeOf::register(
            registry,
            "request_slots",
            "Requests that can be in progress at once",
            move || Some(real(slots as u64)),
        );
    }

    /// Takes a slot for a request that has arrived completely on `connection`. `is_trusted`, whether it comes from a part of the
    /// installation, is evaluated only where no other slot is free. `None`: the request is rejected and counted.
    pub fn acquire<L: Borrow<Self>>(
        limit: L,
        connection: Option<ConnectionHandle>,
        now: Instant,
        is_trusted: impl FnOnce() -> bool,
    ) -> Option<RequestSlot<L>> {
        let slot = RequestSlot { limit, connection };
        let this = slot.limit.borrow();
        let in_use = this.in_use.fetch_add(1, Relaxed);
        let in_use_by_network = slot.connection.as_ref().map_or(0, |connection| {
            connection.begin_request(now);
            connection.load().requests.fetch_add(1, Relaxed)
        });
        let SlotLimits {
            total,
            reserved,
            per_network,
        } = this.limits;
        let is_full = in_use >= total - reserved;
        if !is_full && in_use_by_network < per_network {
            return Some(slot);
        }
        if in_use < total && is_trusted() {
            return Some(slot);
        }
        this.record_rejection(now, is_full);
        None
    }

    /// Counts a rejection. It affects readiness only where all slots were in use, not where one network exceeded its share.
    fn record_rejection(&self, now: Instant, is_full: bool) {
        self.rejected.fetch_add(1, Relaxed);
        let limit = if is_full {
            Limit::Requests
        } else {
            Limit::RequestsOfNetwork
        };
        limit.count_refusal();
        if is_full {
            self.last_rejected
                .store(self.since_started(now) + 1, Relaxed);
        }
        self.log.log(|refused| {
            tracing::warn!(
                event = "requests.refused",
                refused,
                places = self.limits.total,
                "too many requests in progress; rejecting further ones"
            );
        });
    }

    fn since_started(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.started).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX - 1)
    }

    /// Checks, for `/readyz`, that no request was rejected in the last five seconds because all slots were in use. Rejections of one network
    /// that exceeded its share do not count, so that it cannot make the service unready.
    ///
    /// # Errors
    /// The number of rejections since the start, in words for the operator.
    pub fn readiness(&self) -> Result<(), String> {
        let now = self.since_started(Instant::now()) + 1;
        let last = self.last_rejected.load(Relaxed);
        if last == 0 || u128::from(now.saturating_sub(last)) >= OVERLOADED_FOR.as_millis() {
            return Ok(());
        }
        let rejected = self.rejected.load(Relaxed);
        Err(format!(
            "overloaded: requests are rejected, {rejected} since the start"
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

    const LIMITS: SlotLimits = SlotLimits {
        total: 4,
        reserved: 1,
        per_network: 2,
    };

    fn acquire<'a>(
        limit: &'a RequestLimit,
        connection: Option<&Connection>,
    ) -> Option<RequestSlot<&'a RequestLimit>> {
        let handle = connection.map(|connection| connection.handle().clone());
        RequestLimit::acquire(limit, handle, Instant::now(), || false)
    }

    async fn connection() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, here) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, peer) = here.unwrap();
        let connections = Connections::new("test", 1, Duration::from_mins(1));
        let connection = connections.admit(stream, peer, false).unwrap();
        (connection, client.unwrap())
    }

    #[tokio::test]
    async fn reserved_slots_are_for_trusted_peers() {
        let limit = RequestLimit::new(LIMITS);
        let slots: Vec<_> = (0..3).map(|_| acquire(&limit, None).unwrap()).collect();
        let refusals = Limit::Requests.refusals();
        assert!(acquire(&limit, None).is_none());
        assert!(Limit::Requests.refusals() > refusals);
        let trusted = || RequestLimit::acquire(&limit, None, Instant::now(), || true);
        let last = trusted().unwrap();
        assert!(trusted().is_none(), "all slots are in use");
        drop((slots, last));
        assert!(acquire(&limit, None).is_some());
    }

    #[tokio::test]
    async fn network_has_a_share_of_the_slots() {
        let limit = RequestLimit::new(LIMITS);
        let (connection, _client) = connection().await;
        let slots = [(); 2].map(|()| acquire(&limit, Some(&connection)).unwrap());
        let refusals = Limit::RequestsOfNetwork.refusals();
        assert!(acquire(&limit, Some(&connection)).is_none());
        assert!(Limit::RequestsOfNetwork.refusals() > refusals);
        assert!(acquire(&limit, None).is_some());
        assert_eq!(limit.readiness(), Ok(()), "other networks have slots");
        let handle = Some(connection.handle().clone());
        assert!(RequestLimit::acquire(&limit, handle, Instant::now(), || true).is_some());
        drop(slots);
        assert!(acquire(&limit, Some(&connection)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_reports_rejections_for_some_seconds() {
        let limit = RequestLimit::new(SlotLimits {
            total: 1,
            reserved: 0,
            per_network: 1,
        });
        assert_eq!(limit.readiness(), Ok(()));
        let slot = acquire(&limit, None);
        for _ in 0..2 {
            assert!(acquire(&limit, None).is_none());
        }
        drop(slot);
        advance(Duration::from_millis(4990)).await;
        let reason = limit.readiness().unwrap_err();
        assert!(reason.contains("2 since the start"), "{reason}");
        advance(Duration::from_millis(10)).await;
        assert_eq!(limit.readiness(), Ok(()));
    }
}
