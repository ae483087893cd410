//! List and end of logins, by the account's owner and by administrators.

use crate::{
    audit::{AuditEvent, AuditKind, AuditRecorder, AuditSubject},
    authentication::StepUpRequired,
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    id::{Sid, UserId},
    login::{EndReason, LoginRecord, LoginService},
    store::Store,
    token::Person,
};

/// Why a login was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndLoginError {
    /// The account has no live login with this identifier. A login of another account is not distinguished from none.
    #[error("there is no such login")]
    NotFound,
    /// The caller must reauthenticate first.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why the other logins were not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndOtherLoginsError {
    /// The caller must reauthenticate first.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(EndLoginError: StoreError);

impl LoginService {
    /// Returns the live logins of the caller's account, the latest used first.
    pub async fn own_logins(&self, caller: &Person) -> Result<Vec<LoginRecord>, Fault> {
        let now = self.deps.clock.now();
        Ok(self.deps.store.logins_of(caller.subject, now).await?)
    }

    /// Ends one of the caller's logins. Any but the caller's current one requires a recent authentication.
    pub async fn end_own_login(
        &self,
        caller: &Person,
        sid: Sid,
        context: &CallContext,
    ) -> Result<(), EndLoginError> {
        let now = self.deps.clock.now();
        let reason = if sid == caller.sid {
            EndReason::SignedOut
        } else {
            self.policy
                .require_recent_authentication(caller.authenticated_at, now)?;
            EndReason::EndedElsewhere
        };
        let (store, audit) = (&self.deps.store, &self.deps.audit);
        let subject = AuditSubject::login(caller.subject, sid);
        let events = [audit.event(context, AuditKind::LoginEnded, subject)];
        let ended = store
            .end_login_of(caller.subject, sid, reason, now, &events)
            .await?;
        audit.committed(ended, &events);
        self.deps.revocations.catch_up().await;
        if ended {
            Ok(())
        } else {
            Err(EndLoginError::NotFound)
        }
    }

    /// Ends all of the caller's logins but the current one, and returns their number. Requires a recent authentication.
    pub async fn end_other_logins(
        &self,
        caller: &Person,
        context: &CallContext,
    ) -> Result<u64, EndOtherLoginsError> {
        let now = self.deps.clock.now();
        self.policy
            .require_recent_authentication(caller.authenticated_at, now)?;
        let subject = AuditSubject::caller(caller);
        let kind = AuditKind::OtherLoginsEnded;
        let events = [self.deps.audit.event(context, kind, subject)];
        let (except, reason) = (Some(caller.sid), EndReason::EndedElsewhere);
        Ok(self
            .end_logins(caller.subject, except, reason, &events)
            .await?)
    }

    /// Ends all logins of an account for an administrator, and returns their number.
    pub async fn end_user_logins(&self, user: UserId, context: &CallContext) -> Result<u64, Fault> {
        let subject = AuditSubject::user(user);
        let kind = AuditKind::AllLoginsEnded;
        let events = [self.deps.audit.event(context, kind, subject)];
        self.end_logins(user, None, EndReason::Administrator, &events)
            .await
    }

    async fn end_logins(
        &self,
        user: UserId,
        except: Option<Sid>,
        reason: EndReason,
        events: &[AuditEvent],
    ) -> Result<u64, Fault> {
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let ended = store
            .end_logins_of(user, except, reason, now, events)
            .await?;
        self.deps.audit.committed(ended > 0, events);
        self.deps.revocations.catch_up().await;
        Ok(ended)
    }
}

/// Ends all logins of all accounts for the operator, and returns their number.
pub async fn end_every_login(
    store: &dyn Store,
    audit: &AuditRecorder,
    context: &CallContext,
) -> Result<u64, StoreError> {
    let event = audit.event(context, AuditKind::AllLoginsEnded, AuditSubject::default());
    let (reason, now, events) = (EndReason::Operator, event.at, [event]);
    let ended = store.end_every_login(reason, now, &events).await?;
    audit.committed(true, &events);
    Ok(ended)
}
