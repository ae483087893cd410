//! The end of a login or grant, as operations of several services perform it.

use crate::{
    audit::{AuditEvent, AuditKind, AuditSubject},
    call_context::CallContext,
    dependencies::Dependencies,
    error::StoreError,
    id::{Sid, UserId},
    login::{EndReason, Grant},
};

impl Dependencies {
    /// Ends a login, and records the event of it; false if it has ended already or does not exist. This instance rejects its tokens
    /// from then on.
    pub(crate) async fn end_login(
        &self,
        sid: Sid,
        reason: EndReason,
        event: AuditEvent,
    ) -> Result<bool, StoreError> {
        let (now, events) = (self.clock.now(), [event]);
        let ended = self.store.end_login(sid, reason, now, &events).await?;
        self.audit.committed(ended, &events);
        self.revocations.catch_up().await;
        Ok(ended)
    }

    /// Ends a grant of a login of `user`, and with the grant that a login began with, the login. Otherwise as
    /// [`end_login`](Self::end_login).
    pub(crate) async fn end_grant(
        &self,
        user: UserId,
        grant: &Grant,
        reason: EndReason,
        context: &CallContext,
    ) -> Result<bool, StoreError> {
        if grant.is_first() {
            let subject = AuditSubject::login(user, grant.sid);
            let event = self.audit.event(context, AuditKind::LoginEnded, subject);
            return self.end_login(grant.sid, reason, event).await;
        }
        let subject = AuditSubject::grant(user, grant);
        let events = [self.audit.event(context, AuditKind::GrantEnded, subject)];
        let now = self.clock.now();
        let ended = self.store.end_grant(grant.id, reason, now, &events).await?;
        self.audit.committed(ended, &events);
        self.revocations.catch_up().await;
        Ok(ended)
    }
}
