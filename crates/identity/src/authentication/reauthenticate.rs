//! Reauthentication within a login (ASVS 7.5.3, RFC 9470).

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    account::Password,
    audit::{AuditKind, AuditSubject},
    authentication::{
        AssuranceLevel, AttemptPurpose, AuthenticationService, AuthenticationState,
        AuthenticationStep, Factor, InvalidAttempt, PasswordCounters, ReauthenticationAttempt,
        Throttled, verify_password::PasswordCheckError,
    },
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    login::{AuthenticationUpdate, Login, is_within},
    token::Person,
};

/// Which authentication of a login is sufficient, so that no further one is required.
#[derive(Clone, Copy, Debug)]
pub struct SufficientAuthentication {
    /// Its maximum age; `None` where every authentication so far is too old.
    pub max_age: Option<Duration>,
    /// Its minimum strength; `None` for any.
    pub min_level: Option<AssuranceLevel>,
}

impl SufficientAuthentication {
    /// No authentication so far is sufficient.
    pub const NEVER: Self = Self {
        max_age: None,
        min_level: None,
    };

    fn is_that_of(&self, login: &Login, now: OffsetDateTime) -> bool {
        let is_recent = |max_age| is_within(login.authenticated_at, max_age, now);
        self.max_age.is_some_and(is_recent) && self.min_level <= AssuranceLevel::of(&login.factors)
    }
}

/// Why a reauthentication failed.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticateError {
    /// The password is wrong, or was replaced meanwhile.
    #[error("the password is wrong")]
    InvalidCredentials,
    /// The login has ended or expired.
    #[error("the login has ended")]
    LoginEnded,
    /// The attempt cannot be continued, or the login was reauthenticated since it began.
    #[error(transparent)]
    InvalidAttempt(#[from] InvalidAttempt),
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
            Self::InvalidCredentials | Self::LoginEnded | Self::InvalidAttempt(_) => {
                Some(AuditKind::ReauthenticationRefused)
            }
            Self::Throttled(throttled) if throttled.is_first => {
                Some(AuditKind::ReauthenticationThrottled)
            }
            Self::Throttled(_) | Self::Fault(_) => None,
        }
    }
}

impl AuthenticationService {
    /// Starts a reauthentication of the caller's login; the result is the time of its latest authentication, `auth_time`. With a first step
    /// it is complete where one factor is enough; without, if the latest authentication of the login is sufficient.
    pub async fn start_reauthentication(
        &self,
        caller: &Person,
        sufficient: SufficientAuthentication,
        step: Option<AuthenticationStep>,
        context: &CallContext,
    ) -> Result<AuthenticationState<OffsetDateTime>, ReauthenticateError> {
        if let Some(AuthenticationStep::Password(password)) = step {
            return self.reauthenticate(caller, &password, None, context).await;
        }
        let now = self.deps.clock.now();
        let login = self.live_login(caller, now).await?;
        if sufficient.is_that_of(&login, now) {
            return Ok(AuthenticationState::Done(login.authenticated_at));
        }
        let purpose = AttemptPurpose::Reauthentication(ReauthenticationAttempt {
            sid: caller.sid,
            authenticated_at: login.authenticated_at,
        });
        Ok(AuthenticationState::Next(self.begin(purpose)))
    }

    /// Continues an attempt of the caller's login by a step. A completed attempt is refused.
    pub async fn continue_reauthentication(
        &self,
        caller: &Person,
        attempt: &str,
        step: AuthenticationStep,
        context: &CallContext,
    ) -> Result<AuthenticationState<OffsetDateTime>, ReauthenticateError> {
        let AuthenticationStep::Password(password) = step;
        let AttemptPurpose::Reauthentication(attempt) = self.open_attempt(attempt)? else {
            return Err(InvalidAttempt.into());
        };
        if attempt.sid != caller.sid {
            return Err(InvalidAttempt.into());
        }
        self.reauthenticate(caller, &password, Some(attempt), context)
            .await
    }

    async fn reauthenticate(
        &self,
        caller: &Person,
        password: &Password,
        attempt: Option<ReauthenticationAttempt>,
        context: &CallContext,
    ) -> Result<AuthenticationState<OffsetDateTime>, ReauthenticateError> {
        let result = self.verify_again(caller, password, attempt, context).await;
        let error = result.as_ref().err();
        if let Some(kind) = error.and_then(ReauthenticateError::audit_kind) {
            let subject = AuditSubject::caller(caller);
            self.deps.audit.record(context, kind, subject);
        }
        result.map(AuthenticationState::Done)
    }

    /// Verifies the password of the caller's account and updates `auth_time` of the caller's login, which tokens that are issued
    /// from now on contain.
    async fn verify_again(
        &self,
        caller: &Person,
        password: &Password,
        attempt: Option<ReauthenticationAttempt>,
        context: &CallContext,
    ) -> Result<OffsetDateTime, ReauthenticateError> {
        let store = &self.deps.store;
        let account = store.account(caller.subject).await?;
        let keys = PasswordCounters::for_reauthentication(
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
        let update = AuthenticationUpdate {
            version: account.authentication_version,
            previous: attempt.as_ref().map(|attempt| attempt.authenticated_at),
            factors: Factor::Password.into(),
            now,
        };
        let is_updated = store
            .update_authenticated_at(caller.sid, &update, &events)
            .await?;
        audit.committed(is_updated, &events);
        if is_updated {
            return Ok(now);
        }
        let login = self.live_login(caller, now).await?;
        match attempt {
            Some(attempt) if attempt.authenticated_at != login.authenticated_at => {
                Err(InvalidAttempt.into())
            }
            _ => Err(ReauthenticateError::InvalidCredentials),
        }
    }

    async fn live_login(
        &self,
        caller: &Person,
        now: OffsetDateTime,
    ) -> Result<Login, ReauthenticateError> {
        let found = self.deps.store.login(caller.sid).await?;
        let found = found.filter(|(login, _)| login.is_live(now));
        let (login, _) = found.ok_or(ReauthenticateError::LoginEnded)?;
        Ok(login)
    }
}
