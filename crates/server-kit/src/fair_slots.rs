//! A bounded number of slots, of which no client network can deprive the others.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use holdfast_core::client_network::ClientNetwork;
use tokio::sync::oneshot;

/// Slots for work whose duration the client determines. Where all are in use, a new one displaces the oldest of the client network that
/// has the most. Clones share the slots.
#[derive(Clone, Debug)]
pub struct FairSlots {
    limit: usize,
    state: Arc<Mutex<State>>,
}

/// A slot, which is free again when this is dropped, or when it is displaced.
#[derive(Debug)]
pub struct Slot {
    slots: FairSlots,
    network: ClientNetwork,
    number: u64,
    /// `None` after it was displaced.
    end: Option<oneshot::Receiver<Infallible>>,
}

#[derive(Debug, Default)]
struct State {
    next_number: u64,
    count: usize,
    networks: HashMap<ClientNetwork, Slots>,
    /// The networks by their number of slots; among those with the same number, the last one has the oldest slot.
    ranking: BTreeSet<(usize, Reverse<u64>, ClientNetwork)>,
}

/// The slots of one network by age. Dropping a sender displaces its slot.
type Slots = BTreeMap<u64, oneshot::Sender<Infallible>>;

impl FairSlots {
    /// At most `limit` slots, at least one.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            state: Arc::default(),
        }
    }

    /// Takes a slot for a client of `network`; returns whether another one was displaced for it.
    #[must_use]
    pub fn acquire(&self, network: ClientNetwork) -> (Slot, bool) {
        let (sender, end) = oneshot::channel();
        let mut state = self.lock();
        let is_full = state.count >= self.limit;
        if is_full {
            state.displace();
        }
        let number = state.next_number;
        state.next_number += 1;
        state.update(network, |slots| slots.insert(number, sender).is_none());
        state.count += 1;
        let slot = Slot {
            slots: self.clone(),
            network,
            number,
            end: Some(end),
        };
        (slot, is_full)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Waits until the slot is displaced.
    pub async fn displaced(&mut self) {
        poll_fn(|context| self.poll_displaced(context)).await;
    }

    /// Whether the slot is displaced; otherwise wakes the task when it is.
    pub fn poll_displaced(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(end) = &mut self.end {
            // Nothing is ever sent: it is ready when the sender is dropped.
            ready!(Pin::new(end).poll(context)).ok();
            self.end = None;
        }
        Poll::Ready(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().release(self.network, self.number);
    }
}

impl State {
    /// Releases the oldest slot of the network that has the most.
    fn displace(&mut self) {
        let Some((_, Reverse(oldest), network)) = self.ranking.last().copied() else {
            return;
        };
        self.release(network, oldest);
    }

    fn release(&mut self, network: ClientNetwork, number: u64) {
        if self.update(network, |slots| slots.remove(&number).is_some()) {
            self.count -= 1;
        }
    }

    /// Changes the slots of a network, and updates the ranking.
    fn update(&mut self, network: ClientNetwork, change: impl FnOnce(&mut Slots) -> bool) -> bool {
        let slots = self.networks.entry(network).or_default();
        if let Some(rank) = rank(network, slots) {
            self.ranking.remove(&rank);
        }
        let has_changed = change(slots);
        match rank(network, slots) {
            Some(rank) => {
                self.ranking.insert(rank);
            }
            None => {
                self.networks.remove(&network);
            }
        }
        has_changed
    }
}

fn rank(network: ClientNetwork, slots: &Slots) -> Option<(usize, Reverse<u64>, ClientNetwork)> {
    let (oldest, _) = slots.first_key_value()?;
    Some((slots.len(), Reverse(*oldest), network))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use futures_util::FutureExt as _;

    use super::*;

    fn network(octet: u8) -> ClientNetwork {
        IpAddr::from([192, 0, 2, octet]).into()
    }

    fn displaced(slots: &mut [Slot]) -> Vec<usize> {
        let all = slots.iter_mut().enumerate();
        all.filter_map(|(index, slot)| slot.displaced().now_or_never().map(|()| index))
            .collect()
    }

    #[test]
    fn oldest_slot_of_the_network_with_the_most_is_displaced() {
        let slots = FairSlots::new(5);
        let mut held: Vec<_> = [1, 2, 2, 2, 3]
            .map(|octet| slots.acquire(network(octet)))
            .into_iter()
            .map(|(slot, has_displaced)| {
                assert!(!has_displaced);
                slot
            })
            .collect();

        let (_new, has_displaced) = slots.acquire(network(4));
        assert!(has_displaced);
        assert_eq!(displaced(&mut held), [1]);
        let (_newer, _) = slots.acquire(network(5));
        assert_eq!(displaced(&mut held), [1, 2]);
        // Each network has one now, so that the oldest of all is displaced.
        let (_newest, _) = slots.acquire(network(6));
        assert_eq!(displaced(&mut held), [0, 1, 2]);
    }

    #[test]
    fn dropped_slot_is_free_again() {
        let slots = FairSlots::new(1);
        for octet in 0..10 {
            let (slot, has_displaced) = slots.acquire(network(octet));
            assert!(!has_displaced);
            drop(slot);
        }
        // A displaced slot releases nothing when it is dropped.
        let (first, _) = slots.acquire(network(1));
        let (mut second, _) = slots.acquire(network(1));
        drop(first);
        let (_third, has_displaced) = slots.acquire(network(1));
        assert!(has_displaced);
        assert!(second.displaced().now_or_never().is_some());
        drop(second);
        let state = slots.lock();
        assert_eq!(
            (state.count, state.networks.len(), state.ranking.len()),
            (1, 1, 1)
        );
    }
}
