//! What the operator did, in the audit trail.

use holdfast_core::clock::{Clock as _, SystemClock};
use holdfast_identity::{
    audit::{AuditEvent, AuditKind, AuditTrail as _, RequestSource},
    id::UserId,
    oauth::ClientId,
};
use holdfast_store_sqlite::{SqliteStore, audit::SqliteAudit};

/// To whom or what something was done.
pub(super) enum Subject {
    User(UserId),
    Client(ClientId),
    /// As a whole.
    Service,
}

/// Notes it, and waits until that is written.
pub(super) async fn record(store: SqliteStore, kind: AuditKind, subject: Subject) {
    let (user, client) = match subject {
        Subject::User(user) => (Some(user), None),
        Subject::Client(client) => (None, Some(client)),
        Subject::Service => (None, None),
    };
    let (trail, writer) = SqliteAudit::start(store);
    trail.record(AuditEvent {
        at: SystemClock.now(),
        kind,
        user,
        client,
        sid: None,
        actor: None,
        source: RequestSource::default(),
    });
    drop(trail);
    let _ = writer.await;
}
