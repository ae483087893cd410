//! The port for the store as a whole.

use std::path::Path;

use async_trait::async_trait;

use crate::store::StoreError;

/// The store as a whole. It has been migrated to the schema of this version when it is opened.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Checks that the store can be read and written. On a full disk only reading succeeds.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Whether a failover may lose commits that were acknowledged: there is a standby for which commits do not wait.
    async fn failover_loses_commits(&self) -> Result<bool, StoreError>;

    /// Returns the number of the latest migration that was applied.
    async fn schema_version(&self) -> Result<i64, StoreError>;

    /// Writes a backup of the current state into a new file with mode 0600. It contains no logins, no signing keys and no epoch, so
    /// that restoring it revives nothing that has ended since. The service may run meanwhile.
    async fn back_up(&self, file: &Path) -> Result<(), StoreError>;

    /// Waits until no connection is in use, and closes the store.
    async fn close(&self);
}
