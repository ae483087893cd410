//! The audit trail: security-relevant actions, kept for review.

mod event;
mod kind;
mod recorder;
mod subject;
mod trail;

pub use self::{
    event::{AuditEvent, AuditRecord, RequestSource},
    kind::AuditKind,
    recorder::AuditRecorder,
    subject::AuditSubject,
    trail::{AuditQuery, AuditTrail},
};
