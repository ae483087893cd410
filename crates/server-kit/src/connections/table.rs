//! The open connections of a port, and which of them is closed when there are too many.

use std::{
    cmp::Reverse,
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic::Ordering::Relaxed},
};

use holdfast_core::client_network::ClientNetwork;
use tokio::time::Instant;

use crate::connections::handle::{ConnectionHandle, NetworkLoad};

/// A network is heavy when it has more than this part of all connections that are allowed.
const HEAVY_PART: usize = 8;

/// The open connections. Clones are the same table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    limit: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, ConnectionHandle>,
    networks: HashMap<ClientNetwork, Weak<NetworkLoad>>,
}

/// What became of a new connection.
pub(super) struct Admitted {
    pub(super) membership: Membership,
    pub(super) handle: ConnectionHandle,
    /// Whether another connection was closed for it.
    pub(super) has_replaced: bool,
}

/// Keeps a connection in the table until it is dropped.
#[derive(Debug)]
pub(super) struct Membership {
    table: Table,
    number: u64,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.table.lock().leave(self.number);
    }
}

impl Table {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            open: Arc::default(),
        }
    }

    /// Takes a connection in. Where there are as many as may be, one that does nothing is closed for it: first of a network
    /// that has many, then the one that was idle for longest. `None`: all are trusted.
    pub(super) fn admit(&self, peer: SocketAddr, is_trusted: bool) -> Option<Admitted> {
        let mut open = self.lock();
        let is_full = open.connections.len() >= self.limit;
        if is_full {
            let victim = open.victim(self.limit / HEAVY_PART)?;
            if let Some(handle) = open.leave(victim) {
                handle.close();
            }
        }
        let handle = ConnectionHandle::new(peer, open.load(peer.ip().into()), is_trusted);
        let number = open.next;
        open.next += 1;
        open.connections.insert(number, handle.clone());
        Some(Admitted {
            membership: Membership {
                table: self.clone(),
                number,
            },
            handle,
            has_replaced: is_full,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn leave(&mut self, number: u64) -> Option<ConnectionHandle> {
        let handle = self.connections.remove(&number)?;
        if handle.load().connections.fetch_sub(1, Relaxed) == 1 {
            self.networks.remove(&handle.peer().ip().into());
        }
        Some(handle)
    }

    /// The load of a network, with one connection more.
    fn load(&mut self, network: ClientNetwork) -> Arc<NetworkLoad> {
        let known = self.networks.get(&network).and_then(Weak::upgrade);
        let load = known.unwrap_or_else(|| {
            let load = Arc::default();
            self.networks.insert(network, Arc::downgrade(&load));
            load
        });
        load.connections.fetch_add(1, Relaxed);
        load
    }

    fn victim(&self, heavy: usize) -> Option<u64> {
        let now = Instant::now();
        let candidates = self.connections.iter();
        let candidates = candidates.filter(|(_, handle)| !handle.is_trusted());
        candidates
            .min_by_key(|(_, handle)| {
                let is_heavy = handle.load().connections.load(Relaxed) > heavy;
                Reverse((is_heavy, handle.idle(now)))
            })
            .map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    /// A full table of `limit` connections, the last octets of whose addresses are given, each opened a second later.
    async fn full(octets: &[u8]) -> (Table, Vec<Admitted>) {
        let table = Table::new(octets.len());
        let mut admitted = Vec::new();
        for octet in octets {
            admitted.push(admit(&table, *octet).unwrap());
            advance(Duration::from_secs(1)).await;
        }
        (table, admitted)
    }

    fn admit(table: &Table, octet: u8) -> Option<Admitted> {
        table.admit(([192, 0, 2, octet], 1).into(), false)
    }

    fn closed(admitted: &[Admitted]) -> Vec<usize> {
        let all = admitted.iter().enumerate();
        all.filter(|(_, one)| one.handle.is_closed())
            .map(|(index, _)| index)
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connection_is_closed_for_a_new_one() {
        let (table, admitted) = full(&[1, 2, 3, 4]).await;
        for one in &admitted {
            one.handle.used(Instant::now());
            advance(Duration::from_secs(1)).await;
        }
        admitted[0].handle.used(Instant::now());
        admitted[1].handle.begin_request(Instant::now());
        advance(Duration::from_secs(1)).await;

        let new = admit(&table, 5).unwrap();

        assert!(new.has_replaced);
        assert_eq!(
            closed(&admitted),
            [2],
            "neither the used one nor the one that waits"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn unused_connection_is_closed_before_a_used_one() {
        let (table, admitted) = full(&[1, 2, 3, 4]).await;
        for used in [0, 1] {
            admitted[used].handle.used(Instant::now());
        }
        advance(Duration::from_secs(30)).await;
        let _new = admit(&table, 5).unwrap();
        assert_eq!(closed(&admitted), [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn new_connection_has_time_for_its_handshake() {
        let (table, admitted) = full(&[1, 2, 3]).await;
        admitted[0]
            .handle
            .used(Instant::now() - Duration::from_millis(2500));
        let _new = admit(&table, 5).unwrap();
        // The second is older than its grace, the third is not.
        assert_eq!(closed(&admitted), [1]);
    }

    #[tokio::test(start_paused = true)]
    async fn heavy_network_gives_up_its_own_connection() {
        let mut octets = vec![1];
        octets.extend([2; 20]);
        let (table, admitted) = full(&octets).await;
        for one in &admitted[1..] {
            one.handle.used(Instant::now());
        }
        let _new = admit(&table, 3).unwrap();
        let closed = closed(&admitted);
        assert_eq!(closed.len(), 1);
        assert!(!closed.contains(&0), "not the one that was never used");
    }

    #[tokio::test(start_paused = true)]
    async fn trusted_connection_is_never_closed() {
        let (table, admitted) = full(&[1, 2]).await;
        admitted[0].handle.trust();
        let _new = admit(&table, 3).unwrap();
        assert_eq!(closed(&admitted), [1]);

        let (table, admitted) = full(&[1, 2]).await;
        for one in &admitted {
            one.handle.trust();
        }
        assert!(admit(&table, 3).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn closed_connections_do_not_count() {
        let (table, mut admitted) = full(&[1, 1]).await;
        admitted.pop();
        assert!(!admit(&table, 2).unwrap().has_replaced);
        drop(admitted);
        let open = table.lock();
        assert!(open.connections.is_empty() && open.networks.is_empty());
    }
}
