//! Sign-in in steps: start of an attempt, and its continuation.

use holdfast_core::blanks;

use crate::{
    account::Password,
    authentication::{
        ATTEMPT_TTL, Attempt, AttemptId, AuthenticationService, Factor, LoginAttempt, NextSteps,
        SignInError, SignedIn,
    },
    call_context::CallContext,
    login::SignInForm,
};

/// Longest username of an attempt, in bytes; the rest is cut off. Without surrounding blanks, no account has a longer one.
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
    /// It is no attempt of this issuer, has expired, was completed before, or was begun by another browser or program.
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
        let sign_in = LoginAttempt {
            username: attempt.username,
            password,
            form,
        };
        let account = self.verify_sign_in(&sign_in, context).await?;
        let (hasher, user) = (&*self.deps.keyed_hasher, account.user.id);
        let sid = match form {
            Some(form) => form.sid(hasher, user),
            None => attempt.id.sid(hasher, user),
        };
        let mut started = self.start_once(sid, account, context).await?;
        // As by `Login`: a browser that sends the form twice reads only the second answer.
        if started.is_none() && form.is_some() {
            let recent = self.recent_form_login(sid).await;
            started = recent.map_err(SignInError::from)?;
        }
        let signed_in = started.ok_or(ContinueError::InvalidAttempt)?;
        Ok(AuthenticationState::Done(Box::new(signed_in)))
    }

    fn begin(&self, username: &str, form: Option<SignInForm>) -> NextSteps {
        // The row of its login, which tells that it was completed, is kept as long as a login lasts.
        let ttl = ATTEMPT_TTL.min(self.policy.login_ttl);
        let expires_at = self.deps.clock.now().truncate_to_second() + ttl;
        let username = blanks::trim(username);
        let length = username.floor_char_boundary(MAX_USERNAME);
        let attempt = Attempt {
            id: AttemptId::random(&*self.deps.random),
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
