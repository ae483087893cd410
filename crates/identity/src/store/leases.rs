//! The port for leases.

use std::time::Duration;

use async_trait::async_trait;

use crate::store::StoreError;

/// Leases, by which one of several instances performs a task.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Takes a lease for `duration` by the clock of the store, or prolongs it; false while another instance holds it. Of concurrent calls,
    /// only one succeeds. `holder` identifies the instance.
    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        duration: Duration,
    ) -> Result<bool, StoreError>;

    /// Gives up all leases of an instance, which stops.
    async fn release_leases(&self, holder: &str) -> Result<(), StoreError>;
}
