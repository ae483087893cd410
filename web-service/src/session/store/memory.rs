//! Records in memory, for one process: deleted ones stay deleted, expired ones go.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use holdfast_core::{clock::Clock, steady_clock::SteadyClock};
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store,
};

/// How many creations pass between two looks at everything.
const SWEEP_EVERY: usize = 256;

/// A store that forgets when the process ends.
pub struct MemoryStore {
    kept: Mutex<Kept>,
    clock: Arc<dyn Clock>,
    /// By which expired records are removed: where the clock leaps and comes back, they live on.
    steady: SteadyClock,
}

#[derive(Default)]
struct Kept {
    records: HashMap<Id, Record>,
    created_since_sweep: usize,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            kept: Mutex::default(),
            steady: SteadyClock::new(clock.clone()),
            clock,
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many records are kept, whether they have expired or not.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept().records.len()
    }

    fn is_live(&self, record: &Record) -> bool {
        self.clock.now() < record.expiry_date
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let mut kept = self.kept();
        kept.created_since_sweep += 1;
        if kept.created_since_sweep >= SWEEP_EVERY {
            kept.created_since_sweep = 0;
            let now = self.steady.now();
            kept.records.retain(|_, record| now < record.expiry_date);
        }
        while kept.records.contains_key(&record.id) {
            record.id = Id::default();
        }
        kept.records.insert(record.id, record.clone());
        Ok(())
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        if let Some(existing) = self.kept().records.get_mut(&record.id) {
            *existing = record.clone();
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let found = self.kept().records.get(id).cloned();
        Ok(found.filter(|record| self.is_live(record)))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.kept().records.remove(id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use holdfast_core::clock::ManualClock;

    use super::*;

    fn record(clock: &ManualClock, id: i128) -> Record {
        Record {
            id: Id(id),
            data: HashMap::new(),
            expiry_date: clock.now() + Duration::from_mins(1),
        }
    }

    #[tokio::test]
    async fn saving_does_not_revive_what_was_deleted() {
        let clock = ManualClock::default();
        let store = MemoryStore::new(Arc::new(clock.clone()));
        let mut record = record(&clock, 1);
        store.create(&mut record).await.unwrap();
        store.delete(&record.id).await.unwrap();
        store.save(&record).await.unwrap();
        assert_eq!(store.load(&record.id).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_has_expired_is_gone_and_in_time_forgotten() {
        let clock = ManualClock::default();
        let store = MemoryStore::new(Arc::new(clock.clone()));
        store.create(&mut record(&clock, 1)).await.unwrap();
        clock.advance(Duration::from_mins(1));
        assert_eq!(store.load(&Id(1)).await.unwrap(), None);
        for id in 2..=SWEEP_EVERY as i128 {
            store.create(&mut record(&clock, id)).await.unwrap();
        }
        assert!(!store.kept().records.contains_key(&Id(1)));
    }

    #[tokio::test]
    async fn a_clock_that_leaps_and_comes_back_takes_no_record_with_it() {
        let clock = ManualClock::default();
        let store = MemoryStore::new(Arc::new(clock.clone()));
        store.create(&mut record(&clock, 1)).await.unwrap();
        clock.leap(time::Duration::days(100));
        for id in 2..=SWEEP_EVERY as i128 {
            store.create(&mut record(&clock, id)).await.unwrap();
        }
        assert_eq!(store.load(&Id(1)).await.unwrap(), None, "it is over now");
        clock.leap(-time::Duration::days(100));
        assert!(store.load(&Id(1)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_taken_id_is_not_taken_over() {
        let clock = ManualClock::default();
        let store = MemoryStore::new(Arc::new(clock.clone()));
        store.create(&mut record(&clock, 1)).await.unwrap();
        let mut second = record(&clock, 1);
        store.create(&mut second).await.unwrap();
        assert_ne!(second.id, Id(1));
    }
}
