//! The port of the audit trail.

use async_trait::async_trait;

use crate::{
    audit::{AuditEvent, AuditKind, AuditRecord},
    error::StoreError,
    id::UserId,
};

/// A filter over audit records, and a page size.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only events about this account; `None` for all accounts.
    pub user: Option<UserId>,
    /// Only events of this kind; `None` for all kinds.
    pub kind: Option<AuditKind>,
    /// Only records with a smaller number than this one.
    pub before: Option<i64>,
    /// Maximum number of records.
    pub limit: u32,
}

/// Keeps audit events.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Queues an event for the store and returns at once. If the event cannot be stored, the action that it reports stands.
    fn record(&self, event: AuditEvent);

    /// Returns the records that match, the newest first.
    async fn events(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError>;
}
