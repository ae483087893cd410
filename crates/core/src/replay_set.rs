//! A bounded set of identifiers that were used, each until it may be used again.

use std::{
    collections::{BTreeSet, HashSet},
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The in-memory set under a replay cache. When it is full it refuses new keys: evicting one would allow its second use.
#[derive(Debug)]
pub(crate) struct BoundedReplaySet<K> {
    keys: Mutex<Keys<K>>,
    capacity: usize,
}

#[derive(Debug)]
struct Keys<K> {
    all: HashSet<K>,
    by_expiry: BTreeSet<(Duration, K)>,
}

/// The set is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the replay cache is full")]
pub(crate) struct CapacityExceeded;

impl<K: Clone + Eq + Hash + Ord> BoundedReplaySet<K> {
    /// Creates an empty set of at most `capacity` keys.
    #[must_use]
    pub(crate) fn new(capacity: usize) -> Self {
        let keys = Keys {
            all: HashSet::new(),
            by_expiry: BTreeSet::new(),
        };
        Self {
            keys: Mutex::new(keys),
            capacity,
        }
    }

    /// Inserts `key` for `window`, and returns true if it was not in the set. `uptime` is that of the
    /// [`Clock`](crate::clock::Clock), so that a change of the system clock allows no second use.
    ///
    /// # Errors
    /// When the set is full.
    pub(crate) fn insert_if_new(
        &self,
        key: K,
        uptime: Duration,
        window: Duration,
    ) -> Result<bool, CapacityExceeded> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove_expired(uptime);
        if keys.all.contains(&key) {
            return Ok(false);
        }
        if keys.all.len() >= self.capacity {
            return Err(CapacityExceeded);
        }
        keys.all.insert(key.clone());
        keys.by_expiry.insert((uptime.saturating_add(window), key));
        Ok(true)
    }
}

impl<K: Eq + Hash + Ord> Keys<K> {
    fn remove_expired(&mut self, uptime: Duration) {
        while let Some(first) = self.by_expiry.first()
            && first.0 <= uptime
            && let Some((_, key)) = self.by_expiry.pop_first()
        {
            self.all.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_refused_until_expiry_and_a_full_set_refuses_new_keys() {
        let set = BoundedReplaySet::new(2);
        let (start, minute) = (Duration::from_secs(7), Duration::from_mins(1));
        assert_eq!(set.insert_if_new("a", start, minute), Ok(true));
        assert_eq!(set.insert_if_new("a", start, minute), Ok(false));
        assert_eq!(set.insert_if_new("b", start, minute), Ok(true));
        assert_eq!(set.insert_if_new("c", start, minute), Err(CapacityExceeded));
        assert_eq!(set.insert_if_new("b", start, minute), Ok(false));

        assert_eq!(set.insert_if_new("a", start + minute, minute), Ok(true));
        assert_eq!(set.keys.lock().unwrap().by_expiry.len(), 1);
    }
}
