//! A bounded memory of what was found out lately.

use std::{
    collections::HashMap,
    hash::Hash,
    mem,
    sync::{PoisonError, RwLock, RwLockWriteGuard},
};

/// Keeps what was used lately and forgets the rest, in two generations: when the younger one is full, the older one is forgotten,
/// and what is asked for until then moves up. So each look costs the same, however much is kept.
#[derive(Debug)]
pub struct TwoGenerationCache<K, V> {
    generations: RwLock<Generations<K, V>>,
    half: usize,
}

#[derive(Debug)]
struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Counts how often all was forgotten.
    generation: u64,
}

/// When something began to be found out. What was forgotten meanwhile is not remembered by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u64);

impl<K: Eq + Hash + Clone, V: Clone> TwoGenerationCache<K, V> {
    /// Keeps at most `most` entries.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            generations: RwLock::new(Generations {
                young: HashMap::new(),
                old: HashMap::new(),
                generation: 0,
            }),
            half: (most / 2).max(1),
        }
    }

    /// What is known of `key`.
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
        // Whoever forgets meanwhile has forgotten this, too.
        let mut generations = self.write();
        if let Some(value) = generations.old.remove(key) {
            self.keep(&mut generations, key.clone(), value.clone());
            return Some(value);
        }
        generations.young.get(key).cloned()
    }

    /// Now, for [`insert`](Self::insert).
    pub fn generation(&self) -> Generation {
        let generations = self.generations.read();
        Generation(
            generations
                .unwrap_or_else(PoisonError::into_inner)
                .generation,
        )
    }

    /// Remembers what began to be found out in `since`, unless all was forgotten meanwhile.
    pub fn insert(&self, since: Generation, key: K, value: V) {
        let mut generations = self.write();
        if Generation(generations.generation) == since {
            generations.old.remove(&key);
            self.keep(&mut generations, key, value);
        }
    }

    /// Forgets one thing.
    pub fn remove(&self, key: &K) {
        let mut generations = self.write();
        generations.young.remove(key);
        generations.old.remove(key);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut generations = self.write();
        generations.generation += 1;
        generations.young = HashMap::new();
        generations.old = HashMap::new();
    }

    /// How much is kept.
    pub fn len(&self) -> usize {
        let generations = self.generations.read();
        let generations = generations.unwrap_or_else(PoisonError::into_inner);
        generations.young.len() + generations.old.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn keep(&self, generations: &mut Generations<K, V>, key: K, value: V) {
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
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let recent = TwoGenerationCache::new(4);
        let insert = |key| recent.insert(recent.generation(), key, key);
        insert(1);
        insert(2);
        for key in 3..100 {
            insert(key);
            assert_eq!(recent.get(&1), Some(1), "after {key}");
            assert!(recent.len() <= 4);
        }
        assert_eq!(recent.get(&2), None);
    }

    #[test]
    fn what_was_forgotten_is_not_remembered_by_who_began_before() {
        let recent = TwoGenerationCache::new(4);
        let before = recent.generation();
        recent.clear();
        recent.insert(before, 1, 1);
        assert!(recent.is_empty());
        recent.insert(recent.generation(), 1, 1);
        assert_eq!(recent.get(&1), Some(1));
        recent.remove(&1);
        assert_eq!(recent.get(&1), None);
    }
}
