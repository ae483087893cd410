//! The session store in memory, for a single process. Unlike that of `tower-sessions`, it does not create deleted records again on
//! saving, and removes expired ones.

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

/// Number of created records after which expired ones are removed.
const SWEEP_EVERY: usize = 256;

/// A session store that is lost when the process ends.
pub struct MemoryStore {
    contents: Mutex<Contents>,
    clock: Arc<dyn Clock>,
    /// Decides when records are removed: a clock that is set wrongly for a while must not remove live ones.
    steady: SteadyClock,
}

#[derive(Default)]
struct Contents {
    records: HashMap<Id, Record>,
    created_since_sweep: usize,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            contents: Mutex::default(),
            steady: SteadyClock::new(clock.clone()),
            clock,
        }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of records, including expired ones.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.contents().records.len()
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
        let mut contents = self.contents();
        contents.created_since_sweep += 1;
        if contents.created_since_sweep >= SWEEP_EVERY {
            contents.created_since_sweep = 0;
            let now = self.steady.now();
            contents
                .records
                .retain(|_, record| now < record.expiry_date);
        }
        while contents.records.contains_key(&record.id) {
            record.id = Id::default();
        }
        contents.records.insert(record.id, record.clone());
        Ok(())
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        if let Some(existing) = self.contents().records.get_mut(&record.id) {
            *existing = record.clone();
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let found = self.contents().records.get(id).cloned();
        Ok(found.filter(|record| self.is_live(record)))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.contents().records.remove(id);
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
    async fn save_does_not_create_deleted_record() {
        let clock = ManualClock::default();
        let store = MemoryStore::new(Arc::new(clock.clone()));
        let mut record = record(&clock, 1);
        store.create(&mut record).await.unwrap();
        store.delete(&record.id).await.unwrap();
        store.save(&record).await.unwrap();
        assert_eq!(store.load(&record.id).await.unwrap(), None);
    }

    #[tokio::test]
    async fn expired_record_is_not_loaded_and_later_removed() {
        let clock = ManualClock::default();
        let store = MemoryStore::new(Arc::new(clock.clone()));
        store.create(&mut record(&clock, 1)).await.unwrap();
        clock.advance(Duration::from_mins(1));
        assert_eq!(store.load(&Id(1)).await.unwrap(), None);
        for id in 2..=SWEEP_EVERY as i128 {
            store.create(&mut record(&clock, id)).await.unwrap();
        }
        assert!(!store.contents().records.contains_key(&Id(1)));
    }

    #[tokio::test]
    async fn clock_leap_and_return_removes_no_record() {
        let clock = ManualClock::default();
        let store = MemoryStore::new(Arc::new(clock.clone()));
        store.create(&mut record(&clock, 1)).await.unwrap();
        clock.leap(time::Duration::days(100));
        for id in 2..=SWEEP_EVERY as i128 {
            store.create(&mut record(&clock, id)).await.unwrap();
        }
        assert_eq!(
            store.load(&Id(1)).await.unwrap(),
            None,
            "expired at that time"
        );
        clock.leap(-time::Duration::days(100));
        assert!(store.load(&Id(1)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn create_with_taken_id_chooses_another() {
        let clock = ManualClock::default();
        let store = MemoryStore::new(Arc::new(clock.clone()));
        store.create(&mut record(&clock, 1)).await.unwrap();
        let mut second = record(&clock, 1);
        store.create(&mut second).await.unwrap();
        assert_ne!(second.id, Id(1));
    }
}
