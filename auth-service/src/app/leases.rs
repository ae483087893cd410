//! The leases of this instance: each makes one of several instances do a task.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use holdfast_identity::store::{LeaseStore, StoreError};
use holdfast_metrics::{GaugesOf, Registry};
use tokio::time::Instant;

/// Of the instance that rotates and deletes signing keys, which is acquired when there is something to do.
pub(super) static SIGNING_KEYS: Lease = Lease::new("signing_keys", Duration::from_mins(1));

/// Of the instance that deletes what has expired: less than the time between two deletions, so that another one takes over at its next turn.
pub(super) static RETENTION: Lease = Lease::new("retention", Duration::from_mins(50));

/// Of the instance that sends logout tokens, while there are some to send. Another one follows within this time.
pub(super) static LOGOUT_DELIVERY: Lease = Lease::new("logout_delivery", Duration::from_secs(10));

static ALL: [&Lease; 3] = [&SIGNING_KEYS, &RETENTION, &LOGOUT_DELIVERY];

/// Adds the leases to a registry.
pub(super) fn register(registry: &mut Registry) {
    GaugesOf::register(
        registry,
        "lease_held",
        "Whether this instance holds the lease of a task (1) or not (0); one that is not in use is held by none",
        || {
            let now = Instant::now();
            let held = ALL.iter().map(|lease| {
                let is_held = f64::from(u8::from(lease.is_held(now)));
                ([("lease", lease.name)], is_held)
            });
            held.collect()
        },
    );
}

/// A lease, and until when this instance holds it.
pub(super) struct Lease {
    name: &'static str,
    duration: Duration,
    /// By the clock of this process, and from before the request: not later than in the store.
    held_until: Mutex<Option<Instant>>,
}

impl Lease {
    const fn new(name: &'static str, duration: Duration) -> Self {
        Self {
            name,
            duration,
            held_until: Mutex::new(None),
        }
    }

    /// The time for which it is acquired.
    pub(super) const fn duration(&self) -> Duration {
        self.duration
    }

    /// Acquires the lease for `holder`, or extends it; returns whether that holds it now.
    pub(super) async fn acquire<S>(&self, store: &S, holder: &str) -> Result<bool, StoreError>
    where
        S: LeaseStore + ?Sized,
    {
        let until = Instant::now() + self.duration;
        let is_held = store
            .acquire_lease(self.name, holder, self.duration)
            .await?;
        self.record(is_held.then_some(until));
        Ok(is_held)
    }

    fn record(&self, held_until: Option<Instant>) {
        let mut current = self
            .held_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *current = held_until;
    }

    fn is_held(&self, now: Instant) -> bool {
        let held_until = self.held_until.lock();
        let held_until = held_until.unwrap_or_else(PoisonError::into_inner);
        held_until.is_some_and(|until| until > now)
    }
}

/// Releases all leases of `holder`. Where that fails they expire.
pub(super) async fn release<S>(store: &S, holder: &str)
where
    S: LeaseStore + ?Sized,
{
    if store.release_leases(holder).await.is_ok() {
        for lease in ALL {
            lease.record(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use tokio::time::advance;

    use super::*;

    /// A store in which another instance holds every lease, or none.
    struct OtherHolder(bool);

    #[async_trait]
    impl LeaseStore for OtherHolder {
        async fn acquire_lease(&self, _: &str, _: &str, _: Duration) -> Result<bool, StoreError> {
            Ok(!self.0)
        }

        async fn release_leases(&self, _: &str) -> Result<(), StoreError> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn lease_is_held_until_it_expires_or_another_instance_has_it() {
        let lease = Lease::new("test", Duration::from_mins(1));
        let is_held = || lease.is_held(Instant::now());
        assert!(!is_held());
        assert!(lease.acquire(&OtherHolder(false), "one").await.unwrap());
        assert!(is_held());
        advance(Duration::from_mins(1)).await;
        assert!(!is_held());
        assert!(lease.acquire(&OtherHolder(false), "one").await.unwrap());
        assert!(!lease.acquire(&OtherHolder(true), "one").await.unwrap());
        assert!(!is_held());
    }

    #[tokio::test]
    async fn leases_are_measured_until_they_are_released() {
        let mut registry = Registry::default();
        register(&mut registry);
        let is_held = |value| {
            let series = format!("lease_held{{lease=\"retention\"}} {value}\n");
            holdfast_metrics::encode(&registry).contains(&series)
        };
        assert!(is_held("0.0"));
        RETENTION.acquire(&OtherHolder(false), "one").await.unwrap();
        assert!(is_held("1.0"));
        release(&OtherHolder(false), "one").await;
        assert!(is_held("0.0"));
    }
}
