//! Sign-in in steps: start of an attempt, and its continuation.

use holdfast_core::blanks;

use crate::{
    authentication::{
        AttemptId, AttemptPurpose, AuthenticationService, AuthenticationState, AuthenticationStep,
        InvalidAttempt, NextSteps, SignInAttempt, SignInError, SignedIn, sign_in::LoginAttempt,
    },
    call_context::CallContext,
    login::SignInForm,
};

/// Longest username of an attempt, in bytes; the rest is cut off. Without surrounding blanks, no account has a longer one.
const MAX_USERNAME: usize = 256;

/// Why an attempt was not continued.
#[derive(Debug, thiserror::Error)]
pub enum ContinueError {
    /// It cannot be continued, or was begun by another browser or program.
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
    ) -> Result<AuthenticationState<SignedIn>, SignInError> {
        let Some(AuthenticationStep::Password(password)) = step else {
            return Ok(AuthenticationState::Next(
                self.begin_sign_in(&username, form),
            ));
        };
        let attempt = LoginAttempt {
            username,
            password,
            form,
        };
        let signed_in = self.sign_in(attempt, context).await?;
        Ok(AuthenticationState::Done(signed_in))
    }

    /// Continues an attempt by a step. A completed attempt is refused, also where the same step is presented twice at once.
    pub async fn continue_authentication(
        &self,
        attempt: &str,
        step: AuthenticationStep,
        form: Option<SignInForm>,
        context: &CallContext,
    ) -> Result<AuthenticationState<SignedIn>, ContinueError> {
        let AuthenticationStep::Password(password) = step;
        let AttemptPurpose::SignIn(attempt) = self.open_attempt(attempt)? else {
            return Err(InvalidAttempt.into());
        };
        if attempt.form != form {
            return Err(InvalidAttempt.into());
        }
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
        let signed_in = started.ok_or(InvalidAttempt)?;
        Ok(AuthenticationState::Done(signed_in))
    }

    fn begin_sign_in(&self, username: &str, form: Option<SignInForm>) -> NextSteps {
        let username = blanks::trim(username);
        let length = username.floor_char_boundary(MAX_USERNAME);
        self.begin(AttemptPurpose::SignIn(SignInAttempt {
            id: AttemptId::random(&*self.deps.random),
            username: username[..length].to_owned(),
            form,
        }))
    }
}
