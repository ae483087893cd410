//! Reauthentication within a login (ASVS 7.5.3, RFC 9470).

use time::OffsetDateTime;

use crate::{
    account::Password,
    audit::{AuditKind, AuditSubject},
    authentication::{
        AuthenticationService, LoginAttemptKeys, Throttled, verify_password::PasswordCheckError,
    },
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    token::Person,
};

/// Why a reauthentication failed.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticateError {
    /// The password is wrong, or the login has ended.
    #[error("the password is wrong")]
    InvalidCredentials,
    /// A rate limit refuses further attempts for now.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(ReauthenticateError: StoreError);

impl From<PasswordCheckError> for ReauthenticateError {
    fn from(error: PasswordCheckError) -> Self {
        match error {
            PasswordCheckError::Throttled(throttled) => Self::Throttled(throttled),
            PasswordCheckError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl ReauthenticateError {
    /// The kind of the audit event of this error, if it has one.
    const fn audit_kind(&self) -> Option<AuditKind> {
        match self {
            Self::InvalidCredentials => Some(AuditKind::ReauthenticationRefused),
            Self::Throttled(throttled) if throttled.is_first => {
                Some(AuditKind::ReauthenticationThrottled)
            }
            Self::Throttled(_) | Self::Fault(_) => None,
        }
    }
}

impl AuthenticationService {
    /// Verifies the password of the caller's account and updates `auth_time` of the caller's login, which tokens that are issued
    /// from now on contain. Returns the new `auth_time`.
    pub async fn reauthenticate(
        &self,
        caller: &Person,
        password: &Password,
        context: &CallContext,
    ) -> Result<OffsetDateTime, ReauthenticateError> {
        let result = self.verify_again(caller, password, context).await;
        let error = result.as_ref().err();
        if let Some(kind) = error.and_then(ReauthenticateError::audit_kind) {
            let subject = AuditSubject::caller(caller);
            self.deps.audit.record(context, kind, subject);
        }
        result
    }

    async fn verify_again(
        &self,
        caller: &Person,
        password: &Password,
        context: &CallContext,
    ) -> Result<OffsetDateTime, ReauthenticateError> {
        let store = &self.deps.store;
        let account = store.account(caller.subject).await?;
        let keys = LoginAttemptKeys::for_reauthentication(
            &*self.deps.keyed_hasher,
            (caller.subject, caller.sid),
            context.client.ip_address,
        );
        let is_right = self
            .verify_password(&keys, account.as_ref(), password)
            .await?;
        let account = account.filter(|_| is_right);
        let account = account.ok_or(ReauthenticateError::InvalidCredentials)?;
        let (now, audit) = (self.deps.clock.now(), &self.deps.audit);
        let subject = AuditSubject::caller(caller);
        let events = [audit.event(context, AuditKind::Reauthenticated, subject)];
        let is_updated = store
            .update_authenticated_at(caller.sid, account.authentication_version, now, &events)
            .await?;
        audit.committed(is_updated, &events);
        if is_updated {
            Ok(now)
        } else {
            Err(ReauthenticateError::InvalidCredentials)
        }
    }
}
