//! What one process saw, bounded whatever comes.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::domain::{dpop::ReplayMemory, ports::StoreError, throttle::Blinded};

/// How much is remembered; at some 100 bytes each.
const MOST: usize = 500_000;

/// Forgets when the process ends. What is full takes nothing more: forgetting sooner would let a copy pass.
pub struct MemoryReplays {
    seen: Mutex<Seen>,
    most: usize,
}

#[derive(Default)]
struct Seen {
    names: HashSet<Blinded>,
    by_end: BTreeSet<(OffsetDateTime, Blinded)>,
}

impl Default for MemoryReplays {
    fn default() -> Self {
        Self::with_capacity(MOST)
    }
}

impl MemoryReplays {
    /// Room for so many.
    #[must_use]
    pub fn with_capacity(most: usize) -> Self {
        Self {
            seen: Mutex::default(),
            most,
        }
    }
}

impl Seen {
    fn forget(&mut self, now: OffsetDateTime) {
        while let Some((until, name)) = self.by_end.first().copied() {
            if now < until {
                return;
            }
            self.by_end.pop_first();
            self.names.remove(&name);
        }
    }
}

#[async_trait]
impl ReplayMemory for MemoryReplays {
    async fn is_first(
        &self,
        name: Blinded,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget(now);
        if seen.names.contains(&name) {
            return Ok(false);
        }
        if seen.names.len() >= self.most {
            return Err(StoreError::Unavailable(
                "too many proofs at once".to_owned(),
            ));
        }
        seen.names.insert(name);
        seen.by_end.insert((until, name));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_second_time_is_noticed_until_the_end_and_what_is_full_takes_nothing() {
        let replays = MemoryReplays::with_capacity(2);
        let start = OffsetDateTime::UNIX_EPOCH;
        let end = start + Duration::from_mins(1);
        let see = async |byte, now| replays.is_first(Blinded([byte; 16]), now, end).await;
        assert!(see(1, start).await.unwrap());
        assert!(!see(1, start).await.unwrap());
        assert!(see(2, start).await.unwrap());
        assert!(see(3, start).await.is_err());
        assert!(!see(2, start).await.unwrap());
        let later = end + Duration::from_mins(1);
        assert!(
            replays
                .is_first(Blinded([1; 16]), end, later)
                .await
                .unwrap()
        );
        assert_eq!(replays.seen.lock().unwrap().by_end.len(), 1);
    }
}
