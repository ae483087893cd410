//! Sign-in in steps: start of an attempt, and its continuation.

use holdfast_core::blanks;

use crate::{
    account::Account,
    audit::{AuditKind, AuditSubject},
    authentication::{
        Attempt, AttemptId, AttemptPurpose, AuthenticationService, AuthenticationState,
        AuthenticationStep, Challenge, Factor, Factors, InvalidAttempt, NextStep, NextSteps,
        PasskeyRole, PresentedTrust, SignInAttempt, SignInError, SignedIn, VerifiedFactors,
        following_steps::FollowingSteps,
        sign_in::{Authenticated, PasswordSignIn},
        verify_factor::{FactorError, PresentedFactor},
    },
    call_context::CallContext,
    login::SignInForm,
};

/// Longest username of an attempt, in bytes. Without surrounding blanks, no account has a longer one.
const MAX_USERNAME: usize = 256;

/// What accompanies a step of a sign-in.
#[derive(Debug, Default)]
pub struct SignInOptions {
    /// The browser's form, which must be the same at each step; `None` for a program.
    pub form: Option<SignInForm>,
    /// What a trusted browser presents in place of the second factor.
    pub trust: Option<PresentedTrust>,
    /// Whether the browser is to be trusted, if this step completes the sign-in by a second factor.
    pub trust_browser: bool,
}

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
        options: SignInOptions,
        context: &CallContext,
    ) -> Result<AuthenticationState<SignedIn>, ContinueError> {
        let form = options.form;
        let Some(step) = step else {
            let next = self.begin_sign_in(&username, form);
            return Ok(AuthenticationState::Next(next));
        };
        let (account, factors) = self.verify_first_step(&username, step, context).await?;
        let trust = options.trust.as_ref();
        let following = self.following(&account, &factors, trust, context).await?;
        let Some(following) = following else {
            let account = Authenticated::by(factors, account);
            let signed_in = self.start_verified(account, form, context).await?;
            return Ok(AuthenticationState::Done(signed_in));
        };
        let verified = following.verified(factors, &account);
        let attempt = SignInAttempt {
            id: AttemptId::random(&*self.deps.random),
            username: account.user.username.to_string(),
            form,
            challenge: None,
            verified: Some(verified),
        };
        let next = self.begin(AttemptPurpose::SignIn(attempt), following.steps);
        Ok(AuthenticationState::Next(next))
    }

    /// Continues an attempt by a step. A completed attempt is refused, also where the same step is presented twice at once.
    pub async fn continue_authentication(
        &self,
        attempt: &str,
        step: AuthenticationStep,
        options: SignInOptions,
        context: &CallContext,
    ) -> Result<AuthenticationState<SignedIn>, ContinueError> {
        let Attempt {
            purpose: AttemptPurpose::SignIn(attempt),
            expires_at,
        } = self.open_attempt(attempt)?
        else {
            return Err(InvalidAttempt.into());
        };
        if attempt.form != options.form {
            return Err(InvalidAttempt.into());
        }
        let (account, factors) = match self.verify_step(&attempt, step, context).await? {
            StepOutcome::Verified(account, factors) => (account, factors),
            StepOutcome::Repeated(signed_in) => return Ok(AuthenticationState::Done(signed_in)),
        };
        let trust = options.trust.as_ref();
        let following = self.following(&account, &factors, trust, context).await?;
        let Some(following) = following else {
            let account = Authenticated::by(factors, account);
            let trust_browser = options.trust_browser;
            return self
                .complete(attempt.id, &account, (trust_browser, context))
                .await;
        };
        let attempt = SignInAttempt {
            challenge: None,
            verified: Some(following.verified(factors, &account)),
            ..attempt
        };
        let attempt = Attempt {
            purpose: AttemptPurpose::SignIn(attempt),
            expires_at,
        };
        let next = self.next(&attempt, following.steps);
        Ok(AuthenticationState::Next(next))
    }

    /// The steps that have to follow; none after the password in a trusted browser.
    async fn following(
        &self,
        account: &Account,
        factors: &Factors,
        trust: Option<&PresentedTrust>,
        context: &CallContext,
    ) -> Result<Option<FollowingSteps>, SignInError> {
        let following = self.next_steps(account, factors, None).await?;
        // What has to follow a recovery code is no second factor.
        let is_asked_for = account.credentials.has_second_factor() && factors.is_password_alone();
        if following.is_some() && is_asked_for && self.is_trusted(account, trust, context).await? {
            return Ok(None);
        }
        Ok(following)
    }

    /// Verifies a step, if it may follow, and returns the account with all factors that were verified.
    async fn verify_step(
        &self,
        attempt: &SignInAttempt,
        step: AuthenticationStep,
        context: &CallContext,
    ) -> Result<StepOutcome, ContinueError> {
        match (step, &attempt.verified) {
            (AuthenticationStep::Passkey(response), None) => {
                let challenge = attempt.challenge.as_ref().ok_or(InvalidAttempt)?;
                let passkey = (challenge, response);
                let verified = self.verify_passkey_alone(&attempt.username, passkey, context);
                let (account, factor) = verified.await?;
                Ok(StepOutcome::Verified(account, factor.into()))
            }
            (step, None) => {
                let first = self.verify_first_step(&attempt.username, step, context);
                let (account, factors) = first.await?;
                Ok(StepOutcome::Verified(account, factors))
            }
            (step, Some(verified)) => {
                let presented = PresentedFactor::of(step, verified).ok_or(InvalidAttempt)?;
                self.verify_further_step(attempt, (presented, verified), context)
                    .await
            }
        }
    }

    /// Verifies the first step for this username, if it needs no challenge: the password, or a recovery code in place of a passkey.
    async fn verify_first_step(
        &self,
        username: &str,
        step: AuthenticationStep,
        context: &CallContext,
    ) -> Result<(Account, Factors), ContinueError> {
        match step {
            AuthenticationStep::Password(password) => {
                let username = username.to_owned();
                let sign_in = PasswordSignIn { username, password };
                let account = self.verify_sign_in(&sign_in, context).await?;
                Ok((account, Factor::Password.into()))
            }
            AuthenticationStep::RecoveryCode(code) if self.deps.passkeys.is_some() => {
                let verified = self.verify_recovery_code_alone(username, &code, context);
                Ok((verified.await?, Factor::RecoveryCode.into()))
            }
            // Nothing precedes it.
            _ => Err(InvalidAttempt.into()),
        }
    }

    async fn verify_further_step(
        &self,
        attempt: &SignInAttempt,
        (presented, verified): (PresentedFactor, &VerifiedFactors),
        context: &CallContext,
    ) -> Result<StepOutcome, ContinueError> {
        let counters = self.sign_in_code_counters(verified, &context.client).await;
        let counters = counters.map_err(SignInError::from)?;
        // The login that the attempt becomes, so that its events are known as those of that login.
        let sid = attempt.id.sid(&*self.deps.keyed_hasher, verified.user);
        let subject = AuditSubject::login(verified.user, sid);
        let result = self
            .verify_factor(verified, presented, &counters, (subject.clone(), context))
            .await;
        match result {
            Ok((account, factor)) => {
                let factors = verified.factors.clone().with(factor);
                Ok(StepOutcome::Verified(account, factors))
            }
            Err(FactorError::UsedBefore) if attempt.form.is_some() => {
                let found = self
                    .deps
                    .store
                    .login(sid)
                    .await
                    .map_err(SignInError::from)?;
                let repeated = found.and_then(|(login, user)| self.repeated(login, user));
                let repeated = repeated.ok_or(SignInError::WrongFactor)?;
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
        (trust_browser, context): (bool, &CallContext),
    ) -> Result<AuthenticationState<SignedIn>, ContinueError> {
        let user = account.user.id;
        let sid = id.sid(&*self.deps.keyed_hasher, user);
        match self.start_login_once(sid, account, context).await {
            Ok(Some(mut signed_in)) => {
                let is_strong = !account.factors.is_password_alone();
                if trust_browser && is_strong {
                    signed_in.trust = self.trust_browser(account, &signed_in, context).await;
                }
                Ok(AuthenticationState::Done(signed_in))
            }
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
        let challenge = Challenge::random(&*self.deps.random);
        let ceremonies = self.deps.passkeys.as_deref();
        // Whatever the username: which accounts have passkeys, or no password, is not to be found out.
        let role = PasskeyRole::FromEmptyForm;
        let options = ceremonies.map(|one| one.request_options(&challenge, role, &[]));
        let passkey = options.map(NextStep::Passkey);
        let attempt = SignInAttempt {
            id: AttemptId::random(&*self.deps.random),
            username: username.unwrap_or_default().to_owned(),
            form,
            challenge: passkey.is_some().then_some(challenge),
            verified: None,
        };
        let code = passkey.is_some().then_some(NextStep::RecoveryCode);
        let steps = [NextStep::Password].into_iter().chain(passkey).chain(code);
        self.begin(AttemptPurpose::SignIn(attempt), steps.collect())
    }
}

/// The outcome of a step that succeeded.
enum StepOutcome {
    /// The account, and the factors that were verified so far.
    Verified(Account, Factors),
    /// A browser made the same step before, which completed the sign-in.
    Repeated(SignedIn),
}
