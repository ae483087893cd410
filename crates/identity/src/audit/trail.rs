//! The port of the audit trail.

use crate::{
    audit::{AuditEvent, AuditKind},
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

/// Keeps the audit events of a process.
pub trait AuditTrail: Send + Sync {
    /// Logs an event, queues it for the store and returns at once. If the event cannot be stored, it is only in the log.
    fn record(&self, event: AuditEvent);

    /// Logs an event that the store has already stored.
    fn log(&self, event: &AuditEvent);
}
