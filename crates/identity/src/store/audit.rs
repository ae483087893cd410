//! The port for the stored audit events.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    audit::{AuditEvent, AuditQuery, AuditRecord},
    id::UserId,
    store::StoreError,
};

/// The stored audit events. Those of a change are stored by the method that makes the change.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Stores events that report no change, such as a refused sign-in.
    async fn append_events(&self, events: &[AuditEvent]) -> Result<(), StoreError>;

    /// Returns the records that match, the newest first.
    async fn events(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError>;

    /// Returns the latest records about an account of the kinds in [`AuditKind::SECURITY_EVENTS`](crate::audit::AuditKind::SECURITY_EVENTS)
    /// since a time, the latest `per_kind` of each kind, so that many of one kind hide no other. The newest are first.
    async fn security_events(
        &self,
        user: UserId,
        since: OffsetDateTime,
        per_kind: u32,
    ) -> Result<Vec<AuditRecord>, StoreError>;

    /// Deletes the events before this time.
    async fn purge_events(&self, before: OffsetDateTime) -> Result<(), StoreError>;
}
