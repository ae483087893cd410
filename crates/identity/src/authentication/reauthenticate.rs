//! Reauthentication within a login (ASVS 7.5.3, RFC 9470).

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    account::{Account, CredentialKind, Password},
    audit::{AuditKind, AuditSubject},
    authentication::{
        AssuranceLevel, Attempt, AttemptPurpose, AuthenticationService, AuthenticationState,
        AuthenticationStep, Factor, Factors, InvalidAttempt, NextStep, NextSteps, PasskeyRole,
        PasswordCounters, ReauthenticationAttempt, Throttled, VerifiedFactors,
        code_counters::CodeCounters, verify_factor::PresentedFactor,
        verify_password::PasswordCheckError,
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
        self.max_age.is_some_and(is_recent) && self.min_level <= login.factors.level()
    }
}

/// The latest authentication of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatestAuthentication {
    /// Its time, UTC: `auth_time`.
    pub at: OffsetDateTime,
    /// The factors that were verified.
    pub factors: Factors,
}

/// Why a reauthentication failed.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticateError {
    /// The password is wrong, or was replaced meanwhile.
    #[error("the password is wrong")]
    InvalidCredentials,
    /// A one-time code, recovery code or passkey is wrong or was used before, or the account's credentials changed since the step before.
    #[error("the code or passkey is wrong, or was used before")]
    WrongFactor,
    /// The login has ended or expired.
    #[error("the login has ended")]
    LoginEnded,
    /// The account has no factors that give the required strength.
    #[error("set up a stronger factor first")]
    NotEnrolled,
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
            // Recorded where the code was verified.
            Self::WrongFactor | Self::NotEnrolled | Self::Throttled(_) | Self::Fault(_) => None,
        }
    }
}

impl AuthenticationService {
    /// Starts a reauthentication of the caller's login; the result is its latest authentication. With a first step it is
    /// complete where one factor is enough; without, if the latest authentication of the login is sufficient.
    pub async fn start_reauthentication(
        &self,
        caller: &Person,
        sufficient: SufficientAuthentication,
        step: Option<AuthenticationStep>,
        context: &CallContext,
    ) -> Result<AuthenticationState<LatestAuthentication>, ReauthenticateError> {
        match step {
            Some(AuthenticationStep::Password(password)) => {
                let result = self.verify_password_again(caller, &password, None, context);
                return self.recorded(caller, result.await, context);
            }
            // Nothing precedes it.
            Some(_) => return Err(InvalidAttempt.into()),
            None => {}
        }
        let now = self.deps.clock.now();
        let login = self.live_login(caller, now).await?;
        if sufficient.is_that_of(&login, now) {
            return Ok(AuthenticationState::Done(LatestAuthentication {
                at: login.authenticated_at,
                factors: login.factors,
            }));
        }
        let next = self.begin_again(caller, &login, sufficient.min_level);
        Ok(AuthenticationState::Next(next.await?))
    }

    /// Starts an attempt in the caller's login.
    async fn begin_again(
        &self,
        caller: &Person,
        login: &Login,
        min_level: Option<AssuranceLevel>,
    ) -> Result<NextSteps, ReauthenticateError> {
        let account = self.deps.store.account(caller.subject).await?;
        let account = account.ok_or(ReauthenticateError::LoginEnded)?;
        if min_level > Some(account.strongest_level()) {
            return Err(ReauthenticateError::NotEnrolled);
        }
        let mut steps = Vec::new();
        if account.password_hash.is_some() {
            steps.push(NextStep::Password);
        }
        let mut challenge = None;
        if account.credentials.contains(CredentialKind::Passkey)
            && let Some((step, one)) = self.passkey_step(&account, PasskeyRole::Alone).await?
        {
            steps.push(step);
            challenge = Some(one);
        }
        // An account without a password, where passkeys are not used any more.
        if steps.is_empty() {
            return Err(ReauthenticateError::NotEnrolled);
        }
        let purpose = AttemptPurpose::Reauthentication(ReauthenticationAttempt {
            sid: caller.sid,
            authenticated_at: login.authenticated_at,
            min_level,
            challenge,
            verified: None,
        });
        Ok(self.begin(purpose, steps))
    }

    /// Continues an attempt of the caller's login by a step. A completed attempt is refused.
    pub async fn continue_reauthentication(
        &self,
        caller: &Person,
        attempt: &str,
        step: AuthenticationStep,
        context: &CallContext,
    ) -> Result<AuthenticationState<LatestAuthentication>, ReauthenticateError> {
        let Attempt {
            purpose: AttemptPurpose::Reauthentication(attempt),
            ..
        } = self.open_attempt(attempt)?
        else {
            return Err(InvalidAttempt.into());
        };
        if attempt.sid != caller.sid {
            return Err(InvalidAttempt.into());
        }
        match (step, &attempt.verified) {
            (AuthenticationStep::Password(password), None) => {
                let result = self.verify_password_again(caller, &password, Some(&attempt), context);
                self.recorded(caller, result.await, context)
            }
            (AuthenticationStep::Passkey(response), None) => {
                let result = self.verify_passkey_again(caller, &attempt, response, context);
                self.recorded(caller, result.await, context)
            }
            (_, None) => Err(InvalidAttempt.into()),
            (step, Some(verified)) => {
                let presented = PresentedFactor::of(step, verified).ok_or(InvalidAttempt)?;
                self.verify_factor_again(caller, &attempt, (verified, presented), context)
                    .await
            }
        }
    }

    /// Records a refusal of a password.
    fn recorded<T>(
        &self,
        caller: &Person,
        result: Result<T, ReauthenticateError>,
        context: &CallContext,
    ) -> Result<T, ReauthenticateError> {
        let error = result.as_ref().err();
        if let Some(kind) = error.and_then(ReauthenticateError::audit_kind) {
            let subject = AuditSubject::caller(caller);
            self.deps.audit.record(context, kind, subject);
        }
        result
    }

    /// Verifies the password of the caller's account, and completes the reauthentication where that is enough.
    async fn verify_password_again(
        &self,
        caller: &Person,
        password: &Password,
        attempt: Option<&ReauthenticationAttempt>,
        context: &CallContext,
    ) -> Result<AuthenticationState<LatestAuthentication>, ReauthenticateError> {
        let account = self.deps.store.account(caller.subject).await?;
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
        let factors = Factors::from(Factor::Password);
        let previous = attempt.map(|attempt| attempt.authenticated_at);
        let min_level = attempt.and_then(|attempt| attempt.min_level);
        let following = self.next_steps(&account, &factors, min_level).await?;
        let Some(following) = following else {
            return self
                .complete_again(caller, (&account, factors), previous, context)
                .await;
        };
        let previous = if let Some(previous) = previous {
            previous
        } else {
            let login = self.live_login(caller, self.deps.clock.now()).await?;
            login.authenticated_at
        };
        let purpose = AttemptPurpose::Reauthentication(ReauthenticationAttempt {
            sid: caller.sid,
            authenticated_at: previous,
            min_level,
            challenge: None,
            verified: Some(following.verified(factors, &account)),
        });
        let next = self.begin(purpose, following.steps);
        Ok(AuthenticationState::Next(next))
    }

    /// Verifies a passkey in place of the password, which completes the reauthentication.
    async fn verify_passkey_again(
        &self,
        caller: &Person,
        attempt: &ReauthenticationAttempt,
        response: String,
        context: &CallContext,
    ) -> Result<AuthenticationState<LatestAuthentication>, ReauthenticateError> {
        let challenge = attempt.challenge.as_ref().ok_or(InvalidAttempt)?;
        let account = self.deps.store.account(caller.subject).await?;
        let account = account.filter(Account::is_enabled);
        let ceremonies = self.deps.passkeys.as_deref();
        let presented = ceremonies.and_then(|one| one.read_response(response));
        let presented = presented.ok_or(ReauthenticateError::WrongFactor)?;
        let subject = AuditSubject::caller(caller);
        let passkey = (PasskeyRole::Alone, challenge, &presented);
        let (account, factor) = self
            .check_passkey_alone(account, passkey, (subject, context))
            .await?;
        let previous = Some(attempt.authenticated_at);
        self.complete_again(caller, (&account, factor.into()), previous, context)
            .await
    }

    /// Verifies a factor of the caller's account after the password, and completes the reauthentication where that is enough.
    async fn verify_factor_again(
        &self,
        caller: &Person,
        attempt: &ReauthenticationAttempt,
        (verified, presented): (&VerifiedFactors, PresentedFactor),
        context: &CallContext,
    ) -> Result<AuthenticationState<LatestAuthentication>, ReauthenticateError> {
        if verified.user != caller.subject {
            return Err(InvalidAttempt.into());
        }
        let counters = CodeCounters::in_login(
            &*self.deps.keyed_hasher,
            (verified.user, verified.version),
            caller.sid,
        );
        let subject = AuditSubject::caller(caller);
        let (account, factor) = self
            .verify_factor(verified, presented, &counters, (subject, context))
            .await?;
        let factors = verified.factors.clone().with(factor);
        let following = self
            .next_steps(&account, &factors, attempt.min_level)
            .await?;
        if let Some(following) = following {
            let attempt = ReauthenticationAttempt {
                verified: Some(following.verified(factors, &account)),
                ..attempt.clone()
            };
            let purpose = AttemptPurpose::Reauthentication(attempt);
            return Ok(AuthenticationState::Next(
                self.begin(purpose, following.steps),
            ));
        }
        let previous = Some(attempt.authenticated_at);
        let result = self.complete_again(caller, (&account, factors), previous, context);
        self.recorded(caller, result.await, context)
    }

    /// Updates `auth_time` and `amr` of the caller's login, which tokens that are issued from now on contain.
    async fn complete_again(
        &self,
        caller: &Person,
        (account, factors): (&Account, Factors),
        previous: Option<OffsetDateTime>,
        context: &CallContext,
    ) -> Result<AuthenticationState<LatestAuthentication>, ReauthenticateError> {
        let (now, audit) = (self.deps.clock.now(), &self.deps.audit);
        let subject = AuditSubject::caller(caller);
        let events = [audit.event(context, AuditKind::Reauthenticated, subject)];
        let update = AuthenticationUpdate {
            version: account.authentication_version,
            previous,
            factors,
            now,
        };
        let store = &self.deps.store;
        let is_updated = store
            .update_authenticated_at(caller.sid, &update, &events)
            .await?;
        audit.committed(is_updated, &events);
        if is_updated {
            return Ok(AuthenticationState::Done(LatestAuthentication {
                at: now,
                factors: update.factors,
            }));
        }
        let login = self.live_login(caller, now).await?;
        match previous {
            Some(previous) if previous != login.authenticated_at => Err(InvalidAttempt.into()),
            _ => Err(ReauthenticateError::InvalidCredentials),
        }
    }

    pub(super) async fn live_login(
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
