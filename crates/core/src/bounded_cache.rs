//! A bounded cache of recent results.

use std::{
    collections::HashMap,
    hash::Hash,
    mem,
    sync::{PoisonError, RwLock, RwLockWriteGuard},
};

/// A bounded cache that evicts by generation. When the younger of two generations is full, the older one is dropped; an entry that
/// is read from the older one moves to the younger one. The cost of a lookup does not depend on the capacity.
#[derive(Debug)]
pub struct TwoGenerationCache<K, V> {
    generations: RwLock<Generations<K, V>>,
    half: usize,
}

#[derive(Debug)]
struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// The number of calls of `clear`.
    clears: u64,
}

/// The time at which a computation began, measured in calls of [`clear`](TwoGenerationCache::clear). A result from before the latest
/// one is not inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClearCount(u64);

impl<K: Eq + Hash + Clone, V: Clone> TwoGenerationCache<K, V> {
    /// Creates an empty cache of at most `capacity` entries.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            generations: RwLock::new(Generations {
                young: HashMap::new(),
                old: HashMap::new(),
                clears: 0,
            }),
            half: (capacity / 2).max(1),
        }
    }

    /// Returns the value of `key`.
    pub fn get(&self, key: &K) -> Option<V> {
        let generations = self.generations.read();
        let generations = generations.unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = generations.young.get(key) {
            return Some(value.clone());
        }
        if !generations.old.contains_key(key) {
            return None;
        }
        drop(generations);
        // A concurrent `remove` or `clear` takes effect between the two locks.
        let mut generations = self.write();
        if let Some(value) = generations.old.remove(key) {
            self.insert_young(&mut generations, key.clone(), value.clone());
            return Some(value);
        }
        generations.young.get(key).cloned()
    }

    /// Returns how often the cache was cleared, to pass to [`insert`](Self::insert) once the value has been computed.
    pub fn clear_count(&self) -> ClearCount {
        let generations = self.generations.read();
        ClearCount(generations.unwrap_or_else(PoisonError::into_inner).clears)
    }

    /// Inserts a value whose computation began at `since`, unless the cache was cleared in the meantime.
    pub fn insert(&self, since: ClearCount, key: K, value: V) {
        let mut generations = self.write();
        if ClearCount(generations.clears) == since {
            generations.old.remove(&key);
            self.insert_young(&mut generations, key, value);
        }
    }

    /// Removes an entry.
    pub fn remove(&self, key: &K) {
        let mut generations = self.write();
        generations.young.remove(key);
        generations.old.remove(key);
    }

    /// Removes all entries, and refuses results whose computation began before.
    pub fn clear(&self) {
        let mut generations = self.write();
        generations.clears += 1;
        generations.young = HashMap::new();
        generations.old = HashMap::new();
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        let generations = self.generations.read();
        let generations = generations.unwrap_or_else(PoisonError::into_inner);
        generations.young.len() + generations.old.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn insert_young(&self, generations: &mut Generations<K, V>, key: K, value: V) {
        if generations.young.len() >= self.half && !generations.young.contains_key(&key) {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
    }

    fn write(&self) -> RwLockWriteGuard<'_, Generations<K, V>> {
        self.generations
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_that_is_read_is_not_evicted() {
        let cache = TwoGenerationCache::new(4);
        let insert = |key| cache.insert(cache.clear_count(), key, key);
        insert(1);
        insert(2);
        for key in 3..100 {
            insert(key);
            assert_eq!(cache.get(&1), Some(1), "after {key}");
            assert!(cache.len() <= 4);
        }
        assert_eq!(cache.get(&2), None);
    }

    #[test]
    fn result_from_before_a_clear_is_not_inserted() {
        let cache = TwoGenerationCache::new(4);
        let before = cache.clear_count();
        cache.clear();
        cache.insert(before, 1, 1);
        assert!(cache.is_empty());
        cache.insert(cache.clear_count(), 1, 1);
        assert_eq!(cache.get(&1), Some(1));
        cache.remove(&1);
        assert_eq!(cache.get(&1), None);
    }
}
