//! Audit events of the command line.

use holdfast_core::clock::{Clock as _, SystemClock};
use holdfast_identity::{
    audit::{AuditEvent, AuditKind, AuditTrail as _, RequestSource},
    id::UserId,
    oauth::ClientId,
};
use holdfast_store_sqlite::{SqliteStore, audit::SqliteAudit};

/// What a command changed.
pub(super) enum Subject {
    /// An account.
    User(UserId),
    /// An OAuth client.
    Client(ClientId),
    /// The service as a whole, such as its keys.
    Service,
}

/// Records an audit event, and returns when it is written, or has been logged as lost.
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
