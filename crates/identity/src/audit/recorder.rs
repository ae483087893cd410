//! The recorder through which operations write their audit events.

use std::sync::Arc;

use holdfast_core::{clock::Clock, rate_limited_log::LogRateLimiter};

use crate::{
    audit::{AuditEvent, AuditKind, AuditSubject, AuditTrail},
    call_context::CallContext,
};

/// Makes audit events. Those of a change are passed to the store with the change, and to [`committed`](Self::committed) after it;
/// others are recorded by [`record`](Self::record). Clones share the rate limit.
#[derive(Clone)]
pub struct AuditRecorder {
    trail: Arc<dyn AuditTrail>,
    clock: Arc<dyn Clock>,
    invalid_clients: Arc<LogRateLimiter>,
}

impl AuditRecorder {
    /// Creates the recorder.
    #[must_use]
    pub fn new(trail: Arc<dyn AuditTrail>, clock: Arc<dyn Clock>) -> Self {
        Self {
            trail,
            clock,
            invalid_clients: Arc::new(LogRateLimiter::new("oauth_client.refused")),
        }
    }

    /// Makes an event of this call at the current time.
    #[must_use]
    pub fn event(
        &self,
        context: &CallContext,
        kind: AuditKind,
        subject: AuditSubject,
    ) -> AuditEvent {
        AuditEvent {
            at: self.clock.now(),
            kind,
            user: subject.user,
            sid: subject.sid,
            client: subject.client,
            actor: context.administrator,
            source: context.source(),
        }
    }

    /// Records an event that reports no change, such as a refusal.
    pub fn record(&self, context: &CallContext, kind: AuditKind, subject: AuditSubject) {
        self.trail.record(self.event(context, kind, subject));
    }

    /// Records an event that any caller can cause, at most one in ten seconds, so that nobody can fill the store with them.
    pub(crate) fn record_invalid_client(&self, context: &CallContext, subject: &AuditSubject) {
        let kind = AuditKind::ClientRefused;
        self.invalid_clients
            .log(|_| self.record(context, kind, subject.clone()));
    }

    /// Logs the events of a change, which the store has stored with it. Nothing is logged if the change was not made.
    pub fn committed(&self, was_made: bool, events: &[AuditEvent]) {
        for event in events.iter().filter(|_| was_made) {
            self.trail.log(event);
        }
    }
}
