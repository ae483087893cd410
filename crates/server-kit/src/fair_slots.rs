//! A bounded number of slots that no client network can keep others from.

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

/// Slots for what may take long and is in the client's hands. Where all are taken, a new one displaces the oldest of the client
/// network that has the most. Clones are the same slots.
#[derive(Clone, Debug)]
pub struct FairSlots {
    limit: usize,
    taken: Arc<Mutex<Taken>>,
}

/// A slot, until it is dropped or displaced.
#[derive(Debug)]
pub struct Slot {
    slots: FairSlots,
    network: ClientNetwork,
    number: u64,
    /// `None` after it was displaced.
    end: Option<oneshot::Receiver<Infallible>>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    count: usize,
    networks: HashMap<ClientNetwork, Share>,
    /// The networks by how much they have; of those that have the same, the last one has the oldest slot.
    order: BTreeSet<(usize, Reverse<u64>, ClientNetwork)>,
}

/// The slots of one network by age. That a sender is dropped ends its slot.
type Share = BTreeMap<u64, oneshot::Sender<Infallible>>;

impl FairSlots {
    /// At most `limit` slots, which must be more than none.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            taken: Arc::default(),
        }
    }

    /// Takes a slot for a client of `network`, and whether another was displaced for it.
    #[must_use]
    pub fn take(&self, network: ClientNetwork) -> (Slot, bool) {
        let (sender, end) = oneshot::channel();
        let mut taken = self.lock();
        let is_full = taken.count >= self.limit;
        if is_full {
            taken.displace();
        }
        let number = taken.next;
        taken.next += 1;
        taken.change(network, |share| share.insert(number, sender).is_none());
        taken.count += 1;
        let slot = Slot {
            slots: self.clone(),
            network,
            number,
            end: Some(end),
        };
        (slot, is_full)
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Waits until the slot is displaced.
    pub async fn displaced(&mut self) {
        poll_fn(|context| self.poll_displaced(context)).await;
    }

    /// The same, for what is polled.
    pub fn poll_displaced(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(end) = &mut self.end {
            // Nothing is ever sent: it is ready when the sender was dropped.
            ready!(Pin::new(end).poll(context)).ok();
            self.end = None;
        }
        Poll::Ready(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().give_back(self.network, self.number);
    }
}

impl Taken {
    fn displace(&mut self) {
        let Some((_, Reverse(oldest), network)) = self.order.last().copied() else {
            return;
        };
        self.give_back(network, oldest);
    }

    fn give_back(&mut self, network: ClientNetwork, number: u64) {
        if self.change(network, |share| share.remove(&number).is_some()) {
            self.count -= 1;
        }
    }

    /// Changes the share of a network, and keeps the order.
    fn change(&mut self, network: ClientNetwork, change: impl FnOnce(&mut Share) -> bool) -> bool {
        let share = self.networks.entry(network).or_default();
        if let Some(rank) = rank(network, share) {
            self.order.remove(&rank);
        }
        let has_changed = change(share);
        match rank(network, share) {
            Some(rank) => {
                self.order.insert(rank);
            }
            None => {
                self.networks.remove(&network);
            }
        }
        has_changed
    }
}

fn rank(network: ClientNetwork, share: &Share) -> Option<(usize, Reverse<u64>, ClientNetwork)> {
    let (oldest, _) = share.first_key_value()?;
    Some((share.len(), Reverse(*oldest), network))
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
    fn the_oldest_of_the_network_that_has_the_most_is_displaced() {
        let slots = FairSlots::new(5);
        let mut taken: Vec<_> = [1, 2, 2, 2, 3]
            .map(|octet| slots.take(network(octet)))
            .into_iter()
            .map(|(slot, has_displaced)| {
                assert!(!has_displaced);
                slot
            })
            .collect();

        let (_new, has_displaced) = slots.take(network(4));
        assert!(has_displaced);
        assert_eq!(displaced(&mut taken), [1]);
        let (_newer, _) = slots.take(network(5));
        assert_eq!(displaced(&mut taken), [1, 2]);
        // All have one now: the oldest of all goes.
        let (_newest, _) = slots.take(network(6));
        assert_eq!(displaced(&mut taken), [0, 1, 2]);
    }

    #[test]
    fn a_slot_is_free_again_when_it_is_dropped() {
        let slots = FairSlots::new(1);
        for octet in 0..10 {
            let (slot, has_displaced) = slots.take(network(octet));
            assert!(!has_displaced);
            drop(slot);
        }
        // One that was displaced gives nothing back.
        let (first, _) = slots.take(network(1));
        let (mut second, _) = slots.take(network(1));
        drop(first);
        let (_third, has_displaced) = slots.take(network(1));
        assert!(has_displaced);
        assert!(second.displaced().now_or_never().is_some());
        drop(second);
        let taken = slots.lock();
        assert_eq!(
            (taken.count, taken.networks.len(), taken.order.len()),
            (1, 1, 1)
        );
    }
}
