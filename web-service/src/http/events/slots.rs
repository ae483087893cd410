//! How many streams are open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use holdfast_metrics::Gauge;

/// Streams of one OAuth client at once: one for each of its instances.
const PER_CLIENT: usize = 16;
/// Streams of all of them; each is a stream of the connection to auth-service.
const TOTAL: usize = 64;

/// Assigns slots to streams. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Slots(Arc<Inner>);

#[derive(Default)]
struct Inner {
    by_client: Mutex<HashMap<String, usize>>,
    open: Gauge,
}

/// A slot of an OAuth client, until it is dropped.
pub(in crate::http) struct Slot {
    slots: Slots,
    client_id: String,
}

impl Slots {
    /// A slot for a stream; `None` while the OAuth client, or all together, have as many as they may.
    pub(super) fn acquire(&self, client_id: &str) -> Option<Slot> {
        let mut by_client = self.by_client();
        let open = by_client.values().sum::<usize>();
        let own = by_client.get(client_id).copied().unwrap_or_default();
        if open >= TOTAL || own >= PER_CLIENT {
            return None;
        }
        by_client.insert(client_id.to_owned(), own + 1);
        self.0.open.inc();
        Some(Slot {
            slots: self.clone(),
            client_id: client_id.to_owned(),
        })
    }

    /// The number of open streams.
    pub(super) fn gauge(&self) -> Gauge {
        self.0.open.clone()
    }

    fn by_client(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        let slots = self.0.by_client.lock();
        slots.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut by_client = self.slots.by_client();
        if let Some(own) = by_client.get_mut(&self.client_id) {
            *own -= 1;
            if *own == 0 {
                by_client.remove(&self.client_id);
            }
        }
        self.slots.0.open.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_limited_for_a_client_and_in_total() {
        let slots = Slots::default();
        let mut of_one: Vec<_> = (0..PER_CLIENT).map(|_| slots.acquire("one")).collect();
        assert!(of_one.iter().all(Option::is_some));
        assert!(slots.acquire("one").is_none());
        of_one.pop();
        assert!(slots.acquire("one").is_some());
        let clients = (0..TOTAL).map(|number| slots.acquire(&format!("client {number}")));
        let others: Vec<_> = clients.collect();
        let open = others.iter().flatten().count() + of_one.len();
        assert_eq!(open, TOTAL);
        drop((of_one, others));
        assert!(slots.by_client().is_empty());
    }
}
