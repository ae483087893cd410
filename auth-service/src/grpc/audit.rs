//! Recording of audit events for calls.

use std::sync::Arc;

use holdfast_core::{clock::Clock, rate_limited_log::LogRateLimiter};
use holdfast_identity::{
    audit::{AuditEvent, AuditKind, AuditTrail, RequestSource},
    id::{Sid, UserId},
    oauth::ClientId,
    token::Person,
};

/// Adds the time to events and hands them to the audit trail.
#[derive(Clone)]
pub(super) struct AuditRecorder {
    pub(super) trail: Arc<dyn AuditTrail>,
    pub(super) clock: Arc<dyn Clock>,
}

impl AuditRecorder {
    pub(super) fn record(&self, kind: AuditKind, subject: AuditSubject, source: RequestSource) {
        self.trail.record(AuditEvent {
            at: self.clock.now(),
            kind,
            user: subject.user,
            client: subject.client,
            sid: subject.sid,
            actor: subject.actor,
            source,
        });
    }
}

/// Records events that any caller can cause, at most one in ten seconds, so that nobody can fill the store with them.
#[derive(Default)]
pub(super) struct AuditRateLimiter(LogRateLimiter);

impl AuditRateLimiter {
    pub(super) fn record(
        &self,
        audit: &AuditRecorder,
        kind: AuditKind,
        subject: AuditSubject,
        source: RequestSource,
    ) {
        self.0.log(|_| audit.record(kind, subject, source));
    }
}

/// The account, login or OAuth client that an event concerns, and the administrator who caused it.
#[derive(Clone, Default)]
pub(super) struct AuditSubject {
    pub(super) user: Option<UserId>,
    pub(super) client: Option<ClientId>,
    pub(super) sid: Option<Sid>,
    /// `None`: the account's owner, the OAuth client itself, or an unauthenticated caller.
    pub(super) actor: Option<UserId>,
}

impl AuditSubject {
    /// A login and its account.
    pub(super) fn login(user: UserId, sid: Sid) -> Self {
        Self {
            user: Some(user),
            sid: Some(sid),
            ..Self::default()
        }
    }

    /// The login whose access token the call carries.
    pub(super) fn caller(caller: &Person) -> Self {
        Self::login(caller.subject, caller.sid)
    }

    /// An account, where a failed attempt named an existing one.
    pub(super) fn attempted(user: Option<UserId>) -> Self {
        Self {
            user,
            ..Self::default()
        }
    }

    /// An OAuth client that acted in its own name.
    pub(super) fn client(id: ClientId) -> Self {
        Self {
            client: Some(id),
            ..Self::default()
        }
    }

    /// An account that an administrator created or changed.
    pub(super) fn user_by(admin: &Person, user: UserId) -> Self {
        Self {
            user: Some(user),
            ..Self::by(admin)
        }
    }

    /// An OAuth client that an administrator created or changed.
    pub(super) fn client_by(admin: &Person, client: ClientId) -> Self {
        Self {
            client: Some(client),
            ..Self::by(admin)
        }
    }

    /// The installation as a whole, which an administrator changed.
    pub(super) fn by(admin: &Person) -> Self {
        Self {
            actor: Some(admin.subject),
            ..Self::default()
        }
    }
}
