//! Audit events.

use std::sync::LazyLock;

use holdfast_identity::{
    audit::{AuditEvent, AuditKind, AuditRecord, RequestSource},
    store::StoreError,
};

use crate::{SqlRow, parse_optional, time};

/// The columns of `audit_events`.
pub const AUDIT_EVENT: &str =
    "id, at, kind, user_id, sid, actor_id, client_id, ip_address, user_agent, request_id, trace_id";

/// The condition of the index `security_events_by_user`, in its words: a database uses the index for a query that repeats them.
pub static IS_SECURITY_EVENT: LazyLock<String> = LazyLock::new(|| {
    let kinds = AuditKind::SECURITY_EVENTS.iter();
    let names: Vec<_> = kinds.map(|kind| format!("'{}'", kind.as_str())).collect();
    format!("kind IN ({})", names.join(", "))
});

/// A row of `audit_events`.
///
/// # Errors
/// When a column is missing or invalid.
pub fn audit_record(row: &impl SqlRow) -> Result<AuditRecord, StoreError> {
    let kind = row.text("kind")?;
    let address = row.optional_text("ip_address")?;
    Ok(AuditRecord {
        id: row.integer("id")?,
        event: AuditEvent {
            at: time(row, "at")?,
            kind: AuditKind::from_name(kind).ok_or_else(|| {
                StoreError::Corrupt(format!("an audit event of the unknown kind {kind:?}"))
            })?,
            user: parse_optional(row, "user_id")?,
            sid: parse_optional(row, "sid")?,
            client: parse_optional(row, "client_id")?,
            actor: parse_optional(row, "actor_id")?,
            source: RequestSource {
                ip_address: address.and_then(|address| address.parse().ok()),
                user_agent: row.optional_text("user_agent")?.map(str::to_owned),
                request_id: row.optional_text("request_id")?.map(str::to_owned),
                trace_id: row.optional_text("trace_id")?.map(str::to_owned),
            },
        },
    })
}
