//! Audit events.

use std::net::IpAddr;

use time::OffsetDateTime;

use crate::{
    audit::AuditKind,
    id::{Sid, UserId},
    oauth::ClientId,
};

/// The source of the request that caused an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestSource {
    /// IP address of the browser or program, if known.
    pub ip_address: Option<IpAddr>,
    /// Its `User-Agent`, if it sent one.
    pub user_agent: Option<String>,
    /// The request id that web-service assigned, as in its log; `None` for direct calls.
    pub request_id: Option<String>,
    /// The trace of the request (W3C Trace Context): 32 hexadecimal digits; `None` for a request that is not sampled.
    pub trace_id: Option<String>,
}

/// A security-relevant action. It contains no secret and nothing that was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Time of the event, UTC, stored with millisecond precision.
    pub at: OffsetDateTime,
    /// What happened.
    pub kind: AuditKind,
    /// The account that the event is about, if any: none for a sign-in with an unknown username.
    pub user: Option<UserId>,
    /// The login that the event is about, if any.
    pub sid: Option<Sid>,
    /// The OAuth client that the event is about, if any.
    pub client: Option<ClientId>,
    /// The administrator who acted; `None` if the account's owner or the operator did.
    pub actor: Option<UserId>,
    /// The source of the request; empty for the command line.
    pub source: RequestSource,
}

/// An audit event as it is stored.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    /// The number of the record; later records have greater numbers.
    pub id: i64,
    /// The event itself.
    pub event: AuditEvent,
}
