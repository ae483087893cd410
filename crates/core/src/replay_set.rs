//! What is good once: a bounded memory of what was seen, until it may be seen again.

use std::{
    collections::{BTreeSet, HashSet},
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// What one process saw. What is full takes nothing more: forgetting sooner would let something pass a second time.
#[derive(Debug)]
pub struct BoundedReplaySet<K> {
    names: Mutex<Names<K>>,
    most: usize,
}

#[derive(Debug)]
struct Names<K> {
    all: HashSet<K>,
    by_end: BTreeSet<(Duration, K)>,
}

/// There is no room for another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too much happened at once to be remembered")]
pub struct CapacityExceeded;

impl<K: Clone + Eq + Hash + Ord> BoundedReplaySet<K> {
    /// Has room for so many names.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let names = Names {
            all: HashSet::new(),
            by_end: BTreeSet::new(),
        };
        Self {
            names: Mutex::new(names),
            most,
        }
    }

    /// Whether it is seen for the first time; it is remembered for `window`. `uptime` is that of the
    /// [`Clock`](crate::clock::Clock): what the time is does not matter, so that a clock that leaps lets nothing pass twice.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn insert_if_new(
        &self,
        name: K,
        uptime: Duration,
        window: Duration,
    ) -> Result<bool, CapacityExceeded> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.forget(uptime);
        if names.all.contains(&name) {
            return Ok(false);
        }
        if names.all.len() >= self.most {
            return Err(CapacityExceeded);
        }
        names.all.insert(name.clone());
        names.by_end.insert((uptime.saturating_add(window), name));
        Ok(true)
    }
}

impl<K: Eq + Hash + Ord> Names<K> {
    fn forget(&mut self, uptime: Duration) {
        while let Some(first) = self.by_end.first()
            && first.0 <= uptime
            && let Some((_, name)) = self.by_end.pop_first()
        {
            self.all.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_time_is_noticed_until_the_end_and_what_is_full_takes_nothing() {
        let seen = BoundedReplaySet::new(2);
        let (start, minute) = (Duration::from_secs(7), Duration::from_mins(1));
        assert_eq!(seen.insert_if_new("a", start, minute), Ok(true));
        assert_eq!(seen.insert_if_new("a", start, minute), Ok(false));
        assert_eq!(seen.insert_if_new("b", start, minute), Ok(true));
        assert_eq!(
            seen.insert_if_new("c", start, minute),
            Err(CapacityExceeded)
        );
        assert_eq!(seen.insert_if_new("b", start, minute), Ok(false));

        assert_eq!(seen.insert_if_new("a", start + minute, minute), Ok(true));
        assert_eq!(seen.names.lock().unwrap().by_end.len(), 1);
    }
}
