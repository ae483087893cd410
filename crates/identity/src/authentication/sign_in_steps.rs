//! Sign-in in steps: start of an attempt, and its continuation.

use holdfast_core::blanks;

use crate::{
    account::Account,
    audit::{AuditKind, AuditSubject},
    authentication::{
        Attempt, AttemptId, AttemptPurpose, AuthenticationService, AuthenticationState,
        AuthenticationStep, Factor, Factors, InvalidAttempt, NextStep, NextSteps, SignInAttempt,
        SignInError, SignedIn, VerifiedFactors,
        sign_in::{Authenticated, PasswordSignIn},
        verify_code::{CodeError, PresentedCode},
    },
    call_context::CallContext,
    login::SignInForm,
};

/// Longest username of an attempt, in bytes. Without surrounding blanks, no account has a longer one.
const MAX_USERNAME: usize = 256;

/// Why an attempt was not continued.
#[derive(Debug, thiserror::Error)]
pub enum ContinueError {
    /// It cannot be continued, or not by this step, or was begun by another browser or program.
    #[error(transparent)]
    InvalidAttempt(#[from] InvalidAttempt),
    /// The step failed. The attempt can be continued.
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

impl AuthenticationService {
    /// Starts a sign-in. With a first step it is complete where one factor is enough. Without, nothing is looked up, so that the answer
    /// does not depend on the username.
    pub async fn start_authentication(
        &self,
        username: String,
        step: Option<AuthenticationStep>,
        form: Option<SignInForm>,
        context: &CallContext,
    ) -> Result<AuthenticationState<SignedIn>, ContinueError> {
        let password = match step {
            None => {
                let next = self.begin_sign_in(&username, form);
                return Ok(AuthenticationState::Next(next));
            }
            Some(AuthenticationStep::Password(password)) => password,
            // Nothing precedes it.
            Some(_) => return Err(InvalidAttempt.into()),
        };
        let sign_in = PasswordSignIn { username, password };
        let account = self.verify_sign_in(&sign_in, context).await?;
        let factors = Factors::from(Factor::Password);
        let (account, enrolment) = match self.next_steps(&account, &factors) {
            None => {
                let account = Authenticated::by(factors, account);
                let signed_in = self.start_verified(account, form, context).await?;
                return Ok(AuthenticationState::Done(signed_in));
            }
            Some(steps) => (account, steps),
        };
        let verified = enrolment.verified(factors, &account);
        let attempt = SignInAttempt {
            id: AttemptId::random(&*self.deps.random),
            username: account.user.username.to_string(),
            form,
            verified: Some(verified),
        };
        let next = self.begin(AttemptPurpose::SignIn(attempt), enrolment.steps);
        Ok(AuthenticationState::Next(next))
    }

    /// Continues an attempt by a step. A completed attempt is refused, also where the same step is presented twice at once.
    pub async fn continue_authentication(
        &self,
        attempt: &str,
        step: AuthenticationStep,
        form: Option<SignInForm>,
        context: &CallContext,
    ) -> Result<AuthenticationState<SignedIn>, ContinueError> {
        let Attempt {
            purpose: AttemptPurpose::SignIn(attempt),
            expires_at,
        } = self.open_attempt(attempt)?
        else {
            return Err(InvalidAttempt.into());
        };
        if attempt.form != form {
            return Err(InvalidAttempt.into());
        }
        let (account, factors) = match self.verify_step(&attempt, step, context).await? {
            StepOutcome::Verified(account, factors) => (account, factors),
            StepOutcome::Repeated(signed_in) => return Ok(AuthenticationState::Done(signed_in)),
        };
        let Some(enrolment) = self.next_steps(&account, &factors) else {
            let account = Authenticated::by(factors, account);
            return self.complete(attempt.id, &account, context).await;
        };
        let attempt = SignInAttempt {
            verified: Some(enrolment.verified(factors, &account)),
            ..attempt
        };
        let attempt = Attempt {
            purpose: AttemptPurpose::SignIn(attempt),
            expires_at,
        };
        let next = self.next(&attempt, enrolment.steps);
        Ok(AuthenticationState::Next(next))
    }

    /// Verifies a step, if it may follow, and returns the account with all factors that were verified.
    async fn verify_step(
        &self,
        attempt: &SignInAttempt,
        step: AuthenticationStep,
        context: &CallContext,
    ) -> Result<StepOutcome, ContinueError> {
        let verified = match (step, &attempt.verified) {
            (AuthenticationStep::Password(password), None) => {
                let sign_in = PasswordSignIn {
                    username: attempt.username.clone(),
                    password,
                };
                let account = self.verify_sign_in(&sign_in, context).await?;
                return Ok(StepOutcome::Verified(account, Factor::Password.into()));
            }
            (AuthenticationStep::Password(_), Some(_)) | (_, None) => {
                return Err(InvalidAttempt.into());
            }
            (step, Some(verified)) => {
                let code = PresentedCode::of(step, verified).ok_or(InvalidAttempt)?;
                (code, verified)
            }
        };
        self.verify_code_step(attempt, verified, context).await
    }

    async fn verify_code_step(
        &self,
        attempt: &SignInAttempt,
        (code, verified): (PresentedCode, &VerifiedFactors),
        context: &CallContext,
    ) -> Result<StepOutcome, ContinueError> {
        let factor = code.factor();
        let counters = self.sign_in_code_counters(verified, &context.client).await;
        let counters = counters.map_err(SignInError::from)?;
        let subject = AuditSubject::user(verified.user);
        let result = self
            .verify_code(verified, code, &counters, (subject.clone(), context))
            .await;
        match result {
            Ok(account) => {
                let factors = verified.factors.clone().with(factor);
                Ok(StepOutcome::Verified(account, factors))
            }
            Err(CodeError::UsedBefore) if attempt.form.is_some() => {
                let sid = attempt.id.sid(&*self.deps.keyed_hasher, verified.user);
                let found = self
                    .deps
                    .store
                    .login(sid)
                    .await
                    .map_err(SignInError::from)?;
                let repeated = found.and_then(|(login, user)| self.repeated(login, user));
                let repeated = repeated.ok_or(SignInError::WrongCode)?;
                Ok(StepOutcome::Repeated(repeated))
            }
            Err(error) => Err(SignInError::from(error).into()),
        }
    }

    /// Starts the login of an attempt whose factors are complete.
    async fn complete(
        &self,
        id: AttemptId,
        account: &Authenticated,
        context: &CallContext,
    ) -> Result<AuthenticationState<SignedIn>, ContinueError> {
        let user = account.user.id;
        let sid = id.sid(&*self.deps.keyed_hasher, user);
        match self.start_login_once(sid, account, context).await {
            Ok(Some(signed_in)) => Ok(AuthenticationState::Done(signed_in)),
            Ok(None) => {
                // With the right password, too, a completed attempt is recorded as a refusal.
                let kind = AuditKind::SignInRefused;
                let subject = AuditSubject::attempted(Some(user));
                self.deps.audit.record(context, kind, subject);
                Err(InvalidAttempt.into())
            }
            Err(error) => {
                self.record_refusal(&error, Some(user), context);
                Err(error.into())
            }
        }
    }

    fn begin_sign_in(&self, username: &str, form: Option<SignInForm>) -> NextSteps {
        let username = blanks::trim(username);
        // No account has the empty one, either.
        let username = Some(username).filter(|name| name.len() <= MAX_USERNAME);
        let attempt = SignInAttempt {
            id: AttemptId::random(&*self.deps.random),
            username: username.unwrap_or_default().to_owned(),
            form,
            verified: None,
        };
        self.begin(AttemptPurpose::SignIn(attempt), vec![NextStep::Password])
    }
}

/// The outcome of a step that succeeded.
enum StepOutcome {
    /// The account, and the factors that were verified so far.
    Verified(Account, Factors),
    /// A browser made the same step before, which completed the sign-in.
    Repeated(SignedIn),
}
