//! The audit trail: security-relevant actions, kept for review.

mod event;
mod kind;
mod trail;

pub use self::{
    event::{AuditEvent, AuditRecord, RequestSource},
    kind::AuditKind,
    trail::{AuditQuery, AuditTrail},
};
