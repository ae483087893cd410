//! Sign-in in steps: start of an attempt, and its continuation.

use crate::{
    account::Password,
    audit::{AuditKind, AuditSubject},
    authentication::{
        ATTEMPT_TTL, Attempt, AuthenticationService, Factor, LoginAttempt, NextSteps, SignInError,
        SignedIn,
    },
    call_context::CallContext,
    login::SignInForm,
};

/// Longest username of an attempt, in bytes. A longer one belongs to no account and is cut, as any other one would do.
const MAX_USERNAME: usize = 256;

/// What is presented for one factor.
#[derive(Debug)]
pub enum AuthenticationStep {
    /// The account's password.
    Password(Password),
}

/// The state of a sign-in after a step.
#[derive(Debug)]
pub enum AuthenticationState {
    /// Every required factor was verified, and the login has started.
    Done(Box<SignedIn>),
    /// A further step is required.
    Next(NextSteps),
}

/// Why an attempt was not continued.
#[derive(Debug, thiserror::Error)]
pub enum ContinueError {
    /// It is no attempt of this issuer, has expired, was completed before, or was begun by another browser.
    #[error("the attempt is invalid, or has expired; start again")]
    InvalidAttempt,
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
    ) -> Result<AuthenticationState, SignInError> {
        let Some(AuthenticationStep::Password(password)) = step else {
            return Ok(AuthenticationState::Next(self.begin(&username, form)));
        };
        let attempt = LoginAttempt {
            username,
            password,
            form,
        };
        let signed_in = self.sign_in(attempt, context).await?;
        Ok(AuthenticationState::Done(Box::new(signed_in)))
    }

    /// Continues an attempt by a step. A completed attempt is refused, also where the same step is presented twice at once.
    pub async fn continue_authentication(
        &self,
        attempt: &str,
        step: AuthenticationStep,
        form: Option<SignInForm>,
        context: &CallContext,
    ) -> Result<AuthenticationState, ContinueError> {
        let AuthenticationStep::Password(password) = step;
        let attempt = self.deps.attempts.open(attempt);
        let now = self.deps.clock.now();
        let attempt = attempt.filter(|attempt| attempt.form == form && now < attempt.expires_at);
        let attempt = attempt.ok_or(ContinueError::InvalidAttempt)?;
        let key = [b"attempt".as_slice(), &attempt.id];
        let key = self.deps.keyed_hasher.hash(&key).hex();
        let sign_in = LoginAttempt {
            username: attempt.username,
            password,
            form,
        };
        let verified = self.verify_sign_in(&sign_in, context).await?;
        let used = self
            .deps
            .replay_cache
            .insert_if_new(&key, ATTEMPT_TTL)
            .await;
        if !used.map_err(|error| SignInError::Fault(error.into()))? {
            let subject = AuditSubject::user(verified.user.id);
            let kind = AuditKind::SignInRefused;
            self.deps.audit.record(context, kind, subject);
            return Err(ContinueError::InvalidAttempt);
        }
        let signed_in = self.start_verified(verified, form, context).await?;
        Ok(AuthenticationState::Done(Box::new(signed_in)))
    }

    fn begin(&self, username: &str, form: Option<SignInForm>) -> NextSteps {
        let mut id = [0; 16];
        self.deps.random.fill(&mut id);
        let expires_at = self.deps.clock.now().truncate_to_second() + ATTEMPT_TTL;
        let length = username.floor_char_boundary(MAX_USERNAME);
        let attempt = Attempt {
            id,
            username: username[..length].to_owned(),
            form,
            expires_at,
        };
        NextSteps {
            attempt: self.deps.attempts.seal(&attempt),
            factors: vec![Factor::Password],
            expires_at,
        }
    }
}
