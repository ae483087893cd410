//! Sign-in in steps: start of an attempt, and its continuation.

use holdfast_core::blanks;

use crate::{
    audit::{AuditKind, AuditSubject},
    authentication::{
        AttemptId, AttemptPurpose, AuthenticationService, AuthenticationState, AuthenticationStep,
        InvalidAttempt, NextSteps, SignInAttempt, SignInError, SignedIn, sign_in::PasswordSignIn,
    },
    call_context::CallContext,
    login::SignInForm,
};

/// Longest username of an attempt, in bytes. Without surrounding blanks, no account has a longer one.
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
        let attempt = PasswordSignIn {
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
        let sign_in = PasswordSignIn {
            username: attempt.username,
            password,
            form,
        };
        let account = self.verify_sign_in(&sign_in, context).await?;
        let user = account.user.id;
        let sid = attempt.id.sid(&*self.deps.keyed_hasher, user);
        match self.start_login_once(sid, &account, context).await {
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
        self.begin(AttemptPurpose::SignIn(SignInAttempt {
            id: AttemptId::random(&*self.deps.random),
            username: username.unwrap_or_default().to_owned(),
            form,
        }))
    }
}
