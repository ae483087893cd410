//! A bounded set of identifiers that were used, each until it may be used again.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The in-memory set under a replay cache. When it is full it refuses new keys: evicting one would allow its second use.
///
/// An owner may have as many keys as there is room for others, so that no owner fills it: one alone has half of it at most, and beside `n` owners
/// that take what they can a part of one in `n + 1` stays free.
#[derive(Debug)]
pub(crate) struct BoundedReplaySet<K> {
    keys: Mutex<Keys<K>>,
    capacity: usize,
    owners: RandomState,
}

#[derive(Debug)]
struct Keys<K> {
    /// Each key with the hash of its owner.
    all: HashMap<K, u64>,
    by_expiry: BTreeSet<(Duration, K)>,
    /// Number of keys by the hash of their owner.
    by_owner: HashMap<u64, usize>,
}

/// The set is full, or there is no room for more keys of this owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the replay cache is full")]
pub(crate) struct CapacityExceeded;

impl<K: Clone + Eq + Hash + Ord> BoundedReplaySet<K> {
    /// Creates an empty set of at most `capacity` keys.
    #[must_use]
    pub(crate) fn new(capacity: usize) -> Self {
        let keys = Keys {
            all: HashMap::new(),
            by_expiry: BTreeSet::new(),
            by_owner: HashMap::new(),
        };
        Self {
            keys: Mutex::new(keys),
            capacity,
            owners: RandomState::new(),
        }
    }

    /// Inserts `key` for `window`, and returns true if it was not in the set. `uptime` is that of the
    /// [`Clock`](crate::clock::Clock), so that a change of the system clock allows no second use.
    ///
    /// # Errors
    /// When there is no room for a key of this owner.
    pub(crate) fn insert_if_new(
        &self,
        (key, owner): (K, &str),
        uptime: Duration,
        window: Duration,
    ) -> Result<bool, CapacityExceeded> {
        let owner = self.owners.hash_one(owner);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove_expired(uptime);
        if keys.all.contains_key(&key) {
            return Ok(false);
        }
        let free = self.capacity.saturating_sub(keys.all.len());
        let count = keys.by_owner.get(&owner).copied().unwrap_or_default();
        if count >= free {
            return Err(CapacityExceeded);
        }
        keys.all.insert(key.clone(), owner);
        keys.by_owner.insert(owner, count + 1);
        keys.by_expiry.insert((uptime.saturating_add(window), key));
        Ok(true)
    }
}

impl<K: Eq + Hash + Ord> Keys<K> {
    fn remove_expired(&mut self, uptime: Duration) {
        while let Some(first) = self.by_expiry.first()
            && first.0 <= uptime
            && let Some((_, key)) = self.by_expiry.pop_first()
            && let Some(owner) = self.all.remove(&key)
            && let Some(count) = self.by_owner.get_mut(&owner)
        {
            *count -= 1;
            if *count == 0 {
                self.by_owner.remove(&owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(7);
    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn key_is_refused_until_expiry_and_a_full_set_refuses_new_keys() {
        let set = BoundedReplaySet::new(2);
        assert_eq!(set.insert_if_new(("a", "one"), START, MINUTE), Ok(true));
        assert_eq!(set.insert_if_new(("a", "one"), START, MINUTE), Ok(false));
        assert_eq!(set.insert_if_new(("b", "two"), START, MINUTE), Ok(true));
        let full = set.insert_if_new(("c", "three"), START, MINUTE);
        assert_eq!(full, Err(CapacityExceeded));
        assert_eq!(set.insert_if_new(("b", "two"), START, MINUTE), Ok(false));

        let later = START + MINUTE;
        assert_eq!(set.insert_if_new(("a", "one"), later, MINUTE), Ok(true));
        let keys = set.keys.lock().unwrap();
        let sizes = (keys.all.len(), keys.by_expiry.len(), keys.by_owner.len());
        assert_eq!(sizes, (1, 1, 1));
    }

    #[test]
    fn owner_has_as_many_keys_as_are_free_for_others() {
        let set = BoundedReplaySet::new(120);
        let take_all = |owner: &str, uptime| {
            let key = |number| (format!("{owner} {number}"), owner.to_owned());
            let mut keys = (0..120).map(key);
            let insert = |(key, owner): (String, String)| {
                set.insert_if_new((key, &owner), uptime, MINUTE).is_ok()
            };
            (&mut keys).take_while(|key| insert(key.clone())).count()
        };
        assert_eq!(take_all("one", START), 60);
        assert_eq!(take_all("two", START), 30);
        assert_eq!(take_all("three", START), 15);
        assert_eq!(take_all("one", START), 60, "its keys are there already");
        assert!(
            set.insert_if_new(("new".to_owned(), "four"), START, MINUTE)
                .is_ok()
        );
        assert_eq!(take_all("three", START + MINUTE), 60);
    }
}
