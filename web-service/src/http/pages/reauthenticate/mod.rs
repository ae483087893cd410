//! Reauthentication before a sensitive operation (ASVS 7.5.3): a form in between that continues where the person was.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{AuthError, ClientInfo, ErrorReason};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    http::{
        extract::{
            client::BrowserInfo,
            form::{CsrfForm, ToSession},
            session::{PageSession, PageSessionWithToken},
        },
        pages::{
            error::{ErrorPage, PageRejection},
            form_error::FormError,
            render::{page, with_wait},
        },
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    request::local_path::LocalPath,
    service_error::ServiceError,
    session::{
        authenticator::{AuthenticatedSession, SessionWithToken},
        sign_in,
    },
};

#[derive(Template)]
#[template(path = "reauthenticate.html")]
struct ReauthenticatePage<'a> {
    csrf_token: String,
    username: &'a str,
    /// The address that the form is sent to; `None`: that of the page, with the fragment that only the browser has.
    action: Option<&'a str>,
    is_unsent: bool,
    error_text: Option<String>,
}

/// The field that the form for reauthentication adds to the form of the operation.
#[derive(Deserialize)]
pub(in crate::http) struct Confirmation {
    /// Empty in a form without the field.
    #[serde(default)]
    confirm_password: SecretString,
}

/// The query of the page that only reauthenticates.
#[derive(Deserialize)]
pub(in crate::http) struct ConfirmQuery {
    #[serde(default)]
    next: String,
    /// Present after a form of an application that was not passed on.
    unsent: Option<String>,
}

/// Shows the form, for an application that requires a more recent authentication.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    PageSession(session): PageSession,
    query: Result<Query<ConfirmQuery>, QueryRejection>,
) -> Response {
    let is_unsent = matches!(&query, Ok(Query(query)) if query.unsent.is_some());
    let form = ReauthenticatePage {
        csrf_token: session.csrf_token(state.csrf_tokens()),
        username: &session.record.username,
        action: None,
        is_unsent,
        error_text: None,
    };
    page(StatusCode::OK, &form)
}

/// Verifies the password and redirects to the next address.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    BrowserInfo(client): BrowserInfo,
    query: Result<Query<ConfirmQuery>, QueryRejection>,
    form_fields: CsrfForm<Confirmation, ToSession>,
) -> Response {
    let next = destination(query);
    let operation = SensitiveOperation {
        state: &state,
        action: None,
        client: &client,
    };
    if form_fields
        .fields
        .confirm_password
        .expose_secret()
        .is_empty()
    {
        return form(
            &state,
            (StatusCode::UNPROCESSABLE_ENTITY, operation.action),
            &caller.session,
            None,
        );
    }
    let redirect = async |_: &SessionWithToken| Ok(Redirect::to(next.as_str()).into_response());
    operation.run(caller, &form_fields.fields, redirect).await
}

fn destination(query: Result<Query<ConfirmQuery>, QueryRejection>) -> LocalPath {
    let next = query.map(|Query(query)| query.next).unwrap_or_default();
    next.parse().unwrap_or_else(|_| LocalPath::dashboard())
}

/// A session whose owner authenticated again, or did not have to.
pub(super) struct Reauthenticated {
    /// The session, under its new id.
    pub(super) caller: SessionWithToken,
    /// `Set-Cookie` with the new id, if there is one. Every response must contain it: the old id is not valid any more.
    pub(super) cookie: Option<HeaderValue>,
}

/// Why a reauthentication failed.
pub(super) enum ReauthenticationError {
    /// auth-service refused the password; the session is unchanged.
    Refused(Box<SessionWithToken>, AuthError),
    /// It could not be done; the response says why.
    Failed(Response),
}

/// Verifies the password, and continues the session under a new id.
pub(super) async fn reauthenticate(
    state: &AppState,
    caller: SessionWithToken,
    password: &SecretString,
    client: &ClientInfo,
) -> Result<Reauthenticated, ReauthenticationError> {
    let (auth, authorization) = (&state.auth, &caller.authorization);
    let reauthenticated = sign_in::reauthenticate(auth, authorization, password, client);
    let at = match reauthenticated.await {
        Ok(at) => at,
        Err(error) => {
            let caller = Box::new(caller);
            return Err(ReauthenticationError::Refused(caller, error));
        }
    };
    let session = match state.authenticator.renew(caller.session, at).await {
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

fn failed(error: ServiceError) -> Response {
    ErrorPage::from(error).into_response()
}

/// A sensitive operation that a form requests.
pub(super) struct SensitiveOperation<'a> {
    /// The shared state.
    pub(super) state: &'a AppState,
    /// The address that the form is sent to; `None`: that of the page.
    pub(super) action: Option<&'a str>,
    /// The source of the request.
    pub(super) client: &'a ClientInfo,
}

impl SensitiveOperation<'_> {
    /// Performs the operation, after a reauthentication if the form has a password. Where the operation needs one, the response is the form
    /// that asks for it.
    pub(super) async fn run(
        &self,
        caller: SessionWithToken,
        confirmation: &Confirmation,
        operation: impl AsyncFnOnce(&SessionWithToken) -> Result<Response, AuthError>,
    ) -> Response {
        let password = &confirmation.confirm_password;
        let reauthenticated = if password.expose_secret().is_empty() {
            let cookie = None;
            Ok(Reauthenticated { caller, cookie })
        } else {
            reauthenticate(self.state, caller, password, self.client).await
        };
        let Reauthenticated { caller, cookie } = match reauthenticated {
            Ok(reauthenticated) => reauthenticated,
            Err(ReauthenticationError::Failed(response)) => return response,
            Err(ReauthenticationError::Refused(caller, error)) => {
                return self.refused(&caller.session, error);
            }
        };
        let response = match operation(&caller).await {
            Ok(response) => response,
            Err(error) if error.is_refused_as(ErrorReason::StepUpRequired) => {
                self.form(StatusCode::FORBIDDEN, &caller.session, None)
            }
            Err(error) => failed(error.into()),
        };
        with_cookie(response, cookie)
    }

    fn refused(&self, session: &AuthenticatedSession, error: AuthError) -> Response {
        match FormError::of(error) {
            Ok(error) => {
                let response = self.form(error.status, session, Some(error.text));
                with_wait(response, error.retry_after)
            }
            Err(error) => failed(error),
        }
    }

    fn form(
        &self,
        status: StatusCode,
        session: &AuthenticatedSession,
        error_text: Option<String>,
    ) -> Response {
        form(self.state, (status, self.action), session, error_text)
    }
}

fn form(
    state: &AppState,
    (status, action): (StatusCode, Option<&str>),
    session: &AuthenticatedSession,
    error_text: Option<String>,
) -> Response {
    let form = ReauthenticatePage {
        csrf_token: session.csrf_token(state.csrf_tokens()),
        username: &session.record.username,
        action,
        is_unsent: false,
        error_text,
    };
    page(status, &form)
}
