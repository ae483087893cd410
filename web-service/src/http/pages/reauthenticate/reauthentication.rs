//! A reauthentication over its steps, and the page that asks for the next one.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode},
    response::{IntoResponse as _, Response},
};
use holdfast_client::{
    AuthError, AuthenticationState, AuthenticationStep, ClientInfo, ErrorReason, NextSteps,
    Reauthenticated as LatestAuthentication, SufficientAuthentication,
};
use holdfast_core::assurance_level::AssuranceLevel;
use secrecy::SecretString;

use super::ConfirmationForm;
use crate::{
    http::{
        headers,
        pages::{
            error::{ErrorPage, PageRejection},
            factor_form::FactorForms,
            form_error::{FormError, Presented},
            render::{page, with_wait},
        },
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    service_error::ServiceError,
    session::{
        authenticator::{AuthenticatedSession, SessionWithToken},
        codec::attempt_cookie::AttemptScope,
        sign_in,
    },
};

const OVER: &str = "This took too long, or was done in another tab. Please start again.";

#[derive(Template)]
#[template(path = "reauthenticate.html")]
struct ReauthenticatePage<'a> {
    csrf_token: String,
    username: &'a str,
    /// The address that the forms are sent to; `None`: that of the page, with the fragment that only the browser has.
    action: Option<&'a str>,
    is_unsent: bool,
    error_text: Option<String>,
    forms: FactorForms,
}

/// A reauthentication in the session of a page.
pub(in crate::http::pages) struct Reauthentication<'a> {
    /// The shared state.
    pub(in crate::http::pages) state: &'a AppState,
    /// The source of the request.
    pub(in crate::http::pages) client: &'a ClientInfo,
    /// The required strength; `None` for any that the account allows.
    pub(in crate::http::pages) min_level: Option<AssuranceLevel>,
    /// Whether the operation needs the strongest factor of the account, so that a weaker one is not offered.
    pub(in crate::http::pages) needs_strongest: bool,
    /// The address that the forms are sent to; `None`: that of the page.
    pub(in crate::http::pages) action: Option<&'a str>,
    /// Whether a form was sent that had no effect, which the page says.
    pub(in crate::http::pages) is_unsent: bool,
}

/// A session whose owner authenticated again, or did not have to.
pub(in crate::http::pages) struct Reauthenticated {
    /// The session, under its new id.
    pub(in crate::http::pages) caller: SessionWithToken,
    /// `Set-Cookie` with the new id, if there is one. Every response must contain it: the old id is not valid any more.
    pub(in crate::http::pages) cookie: Option<HeaderValue>,
}

/// Why a step did not complete a reauthentication.
pub(in crate::http::pages) enum ReauthenticationError {
    /// auth-service refused what was presented; the session is unchanged.
    Refused(Box<RefusedStep>),
    /// A further factor is required.
    Further(Box<SessionWithToken>, Box<NextSteps>),
    /// The attempt is over, or not one of this session.
    Over(Box<SessionWithToken>),
    /// It could not be done; the response says why.
    Failed(Response),
}

/// A step that auth-service refused.
pub(in crate::http::pages) struct RefusedStep {
    /// The session, unchanged.
    pub(in crate::http::pages) caller: SessionWithToken,
    /// Why it was refused.
    pub(in crate::http::pages) error: AuthError,
    presented: Presented,
    /// Those of the attempt, which can go on.
    steps: Option<NextSteps>,
}

impl<'a> Reauthentication<'a> {
    /// One of any strength, whose forms are sent to the address of the page.
    pub(in crate::http::pages) const fn new(state: &'a AppState, client: &'a ClientInfo) -> Self {
        Self {
            state,
            client,
            min_level: None,
            needs_strongest: false,
            action: None,
            is_unsent: false,
        }
    }

    /// Verifies what a form presents, and continues the session under a new id where that is enough.
    pub(in crate::http::pages) async fn verify(
        &self,
        caller: SessionWithToken,
        form: &ConfirmationForm,
    ) -> Result<Reauthenticated, ReauthenticationError> {
        match form.presented() {
            Some((_, AuthenticationStep::Password(password))) => {
                self.verify_password(caller, password).await
            }
            Some((presented, step)) => {
                let steps = self.steps_of(&caller, form);
                let Some(steps) = steps else {
                    return Err(ReauthenticationError::Over(Box::new(caller)));
                };
                let result = self.proceed(&caller, &steps, step).await;
                self.outcome(caller, result, (presented, Some(steps))).await
            }
            None => Err(ReauthenticationError::Over(Box::new(caller))),
        }
    }

    /// Verifies the password, and continues the session under a new id where that is enough.
    pub(in crate::http::pages) async fn verify_password(
        &self,
        caller: SessionWithToken,
        password: &SecretString,
    ) -> Result<Reauthenticated, ReauthenticationError> {
        let (auth, authorization) = (&self.state.auth, &caller.authorization);
        let result = if self.min_level.is_none() {
            sign_in::reauthenticate(auth, authorization, password, self.client).await
        } else {
            match self.begin(&caller).await {
                Ok(steps) => {
                    let step = AuthenticationStep::Password(password);
                    self.proceed(&caller, &steps, step).await
                }
                Err(error) => Err(error),
            }
        };
        self.outcome(caller, result, (Presented::Password, None))
            .await
    }

    /// The steps in the cookie of an attempt of this login.
    fn steps_of(&self, caller: &SessionWithToken, form: &ConfirmationForm) -> Option<NextSteps> {
        let scope = AttemptScope::Reauthentication(&caller.session.record.sid);
        self.state.attempts.open(scope, form.attempt.as_deref()?)
    }

    async fn begin(&self, caller: &SessionWithToken) -> Result<NextSteps, AuthError> {
        let sufficient = SufficientAuthentication {
            max_age: None,
            acr: self.min_level.map(AssuranceLevel::acr),
        };
        let auth = &self.state.auth;
        let started = auth
            .start_reauthentication(&caller.authorization, sufficient, None, self.client)
            .await?;
        match started {
            AuthenticationState::Next(steps) => Ok(steps),
            // No authentication so far was sufficient.
            AuthenticationState::Done(_) => Err(AuthError::incomplete()),
        }
    }

    async fn proceed(
        &self,
        caller: &SessionWithToken,
        steps: &NextSteps,
        step: AuthenticationStep<'_>,
    ) -> Result<AuthenticationState<LatestAuthentication>, AuthError> {
        let auth = &self.state.auth;
        auth.continue_reauthentication(&caller.authorization, &steps.attempt, step, self.client)
            .await
    }

    async fn outcome(
        &self,
        caller: SessionWithToken,
        result: Result<AuthenticationState<LatestAuthentication>, AuthError>,
        (presented, steps): (Presented, Option<NextSteps>),
    ) -> Result<Reauthenticated, ReauthenticationError> {
        match result {
            Ok(AuthenticationState::Done(latest)) => self.renew(caller, &latest).await,
            Ok(AuthenticationState::Next(steps)) => {
                let steps = Box::new(steps);
                Err(ReauthenticationError::Further(Box::new(caller), steps))
            }
            Err(error) if error.is_refused_as(ErrorReason::AttemptInvalid) => {
                Err(ReauthenticationError::Over(Box::new(caller)))
            }
            Err(error) => Err(ReauthenticationError::Refused(Box::new(RefusedStep {
                caller,
                error,
                presented,
                steps,
            }))),
        }
    }

    async fn renew(
        &self,
        caller: SessionWithToken,
        latest: &LatestAuthentication,
    ) -> Result<Reauthenticated, ReauthenticationError> {
        let state = self.state;
        let session = match state.authenticator.renew(caller.session, latest).await {
            Ok(session) => session,
            Err(error) => {
                let response = PageRejection::after_form(error).into_response();
                return Err(ReauthenticationError::Failed(response));
            }
        };
        let cookie = set_cookie::set_session(state.cookie_names(), &session.id);
        // The old access token has the previous `auth_time`.
        match state.authenticator.access_token(session).await {
            Ok(caller) => Ok(Reauthenticated { caller, cookie }),
            Err(error) => {
                let response = PageRejection::after_form(error).into_response();
                Err(ReauthenticationError::Failed(with_cookie(response, cookie)))
            }
        }
    }

    /// The page that says why, and asks for the next step.
    pub(in crate::http::pages) async fn response(&self, error: ReauthenticationError) -> Response {
        match error {
            ReauthenticationError::Failed(response) => response,
            ReauthenticationError::Further(caller, steps) => {
                let shown = (StatusCode::FORBIDDEN, None);
                self.page(&caller.session, &steps, shown)
            }
            ReauthenticationError::Over(caller) => {
                let shown = (StatusCode::FORBIDDEN, Some(OVER.to_owned()));
                self.ask(&caller, shown).await
            }
            ReauthenticationError::Refused(refused) => self.refused(*refused).await,
        }
    }

    /// The page that says why a step was refused, and asks for it again.
    async fn refused(&self, refused: RefusedStep) -> Response {
        let RefusedStep {
            caller,
            error,
            presented,
            steps,
        } = refused;
        let error = match FormError::of(error, presented) {
            Ok(error) => error,
            Err(error) => return failed(error),
        };
        let shown = (error.status, Some(error.text));
        let response = match steps {
            Some(steps) => self.page(&caller.session, &steps, shown),
            None => self.ask(&caller, shown).await,
        };
        with_wait(response, error.retry_after)
    }

    /// The page that asks for the first step.
    pub(in crate::http::pages) async fn ask(
        &self,
        caller: &SessionWithToken,
        shown: (StatusCode, Option<String>),
    ) -> Response {
        match self.begin(caller).await {
            Ok(steps) => self.page(&caller.session, &steps, shown),
            Err(error) if error.is_refused_as(ErrorReason::FactorNotEnrolled) => {
                ErrorPage::factor_not_enrolled().into_response()
            }
            Err(error) => failed(error.into()),
        }
    }

    fn page(
        &self,
        session: &AuthenticatedSession,
        steps: &NextSteps,
        (status, error_text): (StatusCode, Option<String>),
    ) -> Response {
        let scope = AttemptScope::Reauthentication(&session.record.sid);
        let Some(cookie) = self.state.attempts.seal(scope, steps) else {
            return failed(ServiceError::Internal);
        };
        let forms = FactorForms::of(steps);
        let forms = if self.needs_strongest {
            forms.with_strongest_only()
        } else {
            forms
        };
        let has_script = forms.has_script();
        let template = ReauthenticatePage {
            csrf_token: session.csrf_token(self.state.csrf_tokens()),
            username: &session.record.username,
            action: self.action,
            is_unsent: self.is_unsent,
            error_text,
            forms,
        };
        let cookie = set_cookie::set_attempt(self.state.cookie_names(), &cookie);
        let response = with_cookie(page(status, &template), cookie);
        if has_script {
            headers::with_script(response)
        } else {
            response
        }
    }
}

/// The page for an error that is none of the form.
pub(super) fn failed(error: ServiceError) -> Response {
    ErrorPage::from(error).into_response()
}
