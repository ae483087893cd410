//! The open connections of a port, and the choice of the one to displace at the limit.

use std::{
    cmp::Reverse,
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic::Ordering::Relaxed},
};

use holdfast_core::client_network::ClientNetwork;
use holdfast_metrics::Gauge;
use tokio::time::Instant;

use crate::connections::handle::{ConnectionHandle, NetworkLoad};

/// A client network is heavy when it has more than the limit divided by this.
const HEAVY_DIVISOR: usize = 8;

/// The open connections. Clones share the table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    limit: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    next_number: u64,
    connections: HashMap<u64, ConnectionHandle>,
    networks: HashMap<ClientNetwork, Weak<NetworkLoad>>,
    /// The number of connections, for the metrics.
    open: Gauge,
}

/// An admitted connection.
pub(super) struct Admitted {
    pub(super) entry: TableEntry,
    pub(super) handle: ConnectionHandle,
    /// Whether another connection was displaced for it.
    pub(super) has_displaced: bool,
}

/// The entry of a connection in the table, which is removed when this is dropped.
#[derive(Debug)]
pub(super) struct TableEntry {
    table: Table,
    number: u64,
}

impl Drop for TableEntry {
    fn drop(&mut self) {
        self.table.lock().remove(self.number);
    }
}

impl Table {
    /// An empty table, which keeps its number of connections in `open`.
    pub(super) fn new(limit: usize, open: Gauge) -> Self {
        let state = State {
            open,
            ..State::default()
        };
        Self {
            limit,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Adds a connection. At the limit, another one is displaced: one of a heavy network, if there is any, and of these the one that has been
    /// idle for longest. `None`: all are trusted.
    pub(super) fn admit(&self, peer: SocketAddr, is_trusted: bool) -> Option<Admitted> {
        let mut state = self.lock();
        let is_full = state.connections.len() >= self.limit;
        if is_full {
            let victim = state.victim(self.limit / HEAVY_DIVISOR)?;
            if let Some(handle) = state.remove(victim) {
                handle.close();
            }
        }
        let handle = ConnectionHandle::new(peer, state.add_to_load(peer.ip().into()), is_trusted);
        let number = state.next_number;
        state.next_number += 1;
        state.connections.insert(number, handle.clone());
        state.open.inc();
        Some(Admitted {
            entry: TableEntry {
                table: self.clone(),
                number,
            },
            handle,
            has_displaced: is_full,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, number: u64) -> Option<ConnectionHandle> {
        let handle = self.connections.remove(&number)?;
        self.open.dec();
        if handle.load().connections.fetch_sub(1, Relaxed) == 1 {
            self.networks.remove(&handle.peer().ip().into());
        }
        Some(handle)
    }

    /// Adds a connection to the load of a network, and returns the load.
    fn add_to_load(&mut self, network: ClientNetwork) -> Arc<NetworkLoad> {
        let known = self.networks.get(&network).and_then(Weak::upgrade);
        let load = known.unwrap_or_else(|| {
            let load = Arc::default();
            self.networks.insert(network, Arc::downgrade(&load));
            load
        });
        load.connections.fetch_add(1, Relaxed);
        load
    }

    /// The connection to displace. `None`: all are trusted.
    fn victim(&self, heavy: usize) -> Option<u64> {
        let now = Instant::now();
        let candidates = self.connections.iter();
        let candidates = candidates.filter(|(_, handle)| !handle.is_trusted());
        candidates
            .min_by_key(|(_, handle)| {
                let is_heavy = handle.load().connections.load(Relaxed) > heavy;
                Reverse((is_heavy, handle.idle_time(now)))
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
        let table = Table::new(octets.len(), Gauge::default());
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
    async fn connection_idle_for_longest_is_displaced() {
        let (table, admitted) = full(&[1, 2, 3, 4]).await;
        for one in &admitted {
            one.handle.record_use(Instant::now());
            advance(Duration::from_secs(1)).await;
        }
        admitted[0].handle.record_use(Instant::now());
        admitted[1].handle.begin_request(Instant::now());
        advance(Duration::from_secs(1)).await;

        let new = admit(&table, 5).unwrap();

        assert!(new.has_displaced);
        assert_eq!(
            closed(&admitted),
            [2],
            "neither the used one nor the one that waits"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn unused_connection_is_displaced_before_a_used_one() {
        let (table, admitted) = full(&[1, 2, 3, 4]).await;
        for used in [0, 1] {
            admitted[used].handle.record_use(Instant::now());
        }
        advance(Duration::from_secs(30)).await;
        let _new = admit(&table, 5).unwrap();
        assert_eq!(closed(&admitted), [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn new_connection_is_not_displaced_during_its_handshake() {
        let (table, admitted) = full(&[1, 2, 3]).await;
        admitted[0]
            .handle
            .record_use(Instant::now() - Duration::from_millis(2500));
        let _new = admit(&table, 5).unwrap();
        // The second is older than its grace, the third is not.
        assert_eq!(closed(&admitted), [1]);
    }

    #[tokio::test(start_paused = true)]
    async fn connection_of_a_heavy_network_is_displaced_first() {
        let mut octets = vec![1];
        octets.extend([2; 20]);
        let (table, admitted) = full(&octets).await;
        for one in &admitted[1..] {
            one.handle.record_use(Instant::now());
        }
        let _new = admit(&table, 3).unwrap();
        let closed = closed(&admitted);
        assert_eq!(closed.len(), 1);
        assert!(!closed.contains(&0), "not the one that was never used");
    }

    #[tokio::test(start_paused = true)]
    async fn trusted_connection_is_never_displaced() {
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
    async fn open_connections_are_measured() {
        let open = Gauge::default();
        let table = Table::new(2, open.clone());
        let first = admit(&table, 1);
        let second = admit(&table, 2);
        assert_eq!(open.get(), 2);
        let third = admit(&table, 3);
        assert_eq!(open.get(), 2, "the displaced one does not count");
        drop((first, second));
        assert_eq!(open.get(), 1);
        drop(third);
        assert_eq!(open.get(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn closed_connection_does_not_count() {
        let (table, mut admitted) = full(&[1, 1]).await;
        admitted.pop();
        assert!(!admit(&table, 2).unwrap().has_displaced);
        drop(admitted);
        let state = table.lock();
        assert!(state.connections.is_empty() && state.networks.is_empty());
    }
}
