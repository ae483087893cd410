//! Asking again who somebody is, before a sensitive act (ASVS 7.5.3): a form in between that goes on where they were.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{
    ErrorReason,
    auth::{AuthError, ClientInfo, ClientKind},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    http::{
        cookies::{self, with_cookie},
        form::{CsrfForm, ToSession},
        pages::{
            error::{ErrorPage, PageRefusal},
            form_error::FormError,
            render::{page, with_wait},
        },
        request_source::Peer,
        service_error::Failure,
        signed_in::{AuthenticatedSession, PageActor, PageBrowser, SessionWithToken, renew},
        state::AppState,
    },
    request::local_path::LocalPath,
};

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'a> {
    csrf_token: String,
    username: &'a str,
    /// Where it is sent; `None`: to its own address, with what only the browser knows of that.
    action: Option<&'a str>,
    is_unsent: bool,
    trouble: Option<String>,
}

/// What the form in between adds to the one that it stands for.
#[derive(Deserialize)]
pub(in crate::http) struct Confirmation {
    /// Empty where it was not asked.
    #[serde(default)]
    confirm_password: SecretString,
}

/// Where to go on, of the page that is only for this.
#[derive(Deserialize)]
pub(in crate::http) struct Onward {
    #[serde(default)]
    next: String,
    /// There where an application's form led here, which was not passed on.
    unsent: Option<String>,
}

/// Asks, for an application that wants to know again who somebody is.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    PageBrowser(browser): PageBrowser,
    onward: Result<Query<Onward>, QueryRejection>,
) -> Response {
    let is_unsent = matches!(&onward, Ok(Query(onward)) if onward.unsent.is_some());
    let form = ConfirmPage {
        csrf_token: browser.form_token(&*state.form_tokens),
        username: &browser.session.username,
        action: None,
        is_unsent,
        trouble: None,
    };
    page(StatusCode::OK, &form)
}

/// Checks the password and goes on where the person wanted.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    PageActor(actor): PageActor,
    peer: Peer,
    onward: Result<Query<Onward>, QueryRejection>,
    given: CsrfForm<Confirmation, ToSession>,
) -> Response {
    let next = wanted(onward);
    let act = Act {
        state: &state,
        action: None,
        client: &peer.into_client(ClientKind::Browser),
    };
    if given.fields.confirm_password.expose_secret().is_empty() {
        return form(
            &state,
            (StatusCode::UNPROCESSABLE_ENTITY, act.action),
            &actor.browser,
            None,
        );
    }
    let go_on = async |_: &SessionWithToken| Ok(Redirect::to(next.as_str()).into_response());
    act.run(actor, &given.fields, go_on).await
}

fn wanted(onward: Result<Query<Onward>, QueryRejection>) -> LocalPath {
    let next = onward.map(|Query(onward)| onward.next).unwrap_or_default();
    next.parse().unwrap_or_else(|_| LocalPath::dashboard())
}

/// Somebody who may have proved again who they are.
pub(super) struct Proven {
    /// Acts for them.
    pub(super) actor: SessionWithToken,
    /// The new session's, where there is one. Every answer has to carry it: the old id is dead.
    pub(super) cookie: Option<HeaderValue>,
}

/// Why nobody proved anything.
pub(super) enum NotProven {
    /// auth-service said no; the session is as it was.
    Refused(Box<SessionWithToken>, AuthError),
    /// It could not be done, as this answer says.
    Failed(Response),
}

/// Checks the password and goes on in a session with a new id.
pub(super) async fn prove(
    state: &AppState,
    actor: SessionWithToken,
    password: &SecretString,
    client: &ClientInfo,
) -> Result<Proven, NotProven> {
    let auth = &state.auth;
    let proved = auth
        .reauthenticate(&actor.authorization, password, client)
        .await;
    let at = match proved {
        Ok(at) => at,
        Err(error) => return Err(NotProven::Refused(Box::new(actor), error)),
    };
    let browser = match renew(state, actor.browser, at).await {
        Ok(browser) => browser,
        Err(refused) => {
            let response = PageRefusal::after_a_form(refused).into_response();
            return Err(NotProven::Failed(response));
        }
    };
    let cookie = cookies::set_session(&state.cookie_names, &browser.id);
    // What the old access token says of that time is out of date.
    match browser.act(state).await {
        Ok(actor) => Ok(Proven { actor, cookie }),
        Err(refused) => {
            let response = PageRefusal::after_a_form(refused).into_response();
            Err(NotProven::Failed(with_cookie(response, cookie)))
        }
    }
}

fn answer(failure: Failure) -> Response {
    ErrorPage::from(failure).into_response()
}

/// A sensitive act that somebody is about to do.
pub(super) struct Act<'a> {
    /// What does it.
    pub(super) state: &'a AppState,
    /// Where its form is sent, if that is not the address of the page.
    pub(super) action: Option<&'a str>,
    /// Who does it.
    pub(super) client: &'a ClientInfo,
}

impl Act<'_> {
    /// Does it, after a proof where one was given or is asked for.
    pub(super) async fn run(
        &self,
        actor: SessionWithToken,
        given: &Confirmation,
        act: impl AsyncFnOnce(&SessionWithToken) -> Result<Response, AuthError>,
    ) -> Response {
        let password = &given.confirm_password;
        let proven = if password.expose_secret().is_empty() {
            let cookie = None;
            Ok(Proven { actor, cookie })
        } else {
            prove(self.state, actor, password, self.client).await
        };
        let Proven { actor, cookie } = match proven {
            Ok(proven) => proven,
            Err(NotProven::Failed(response)) => return response,
            Err(NotProven::Refused(actor, error)) => return self.refused(&actor.browser, error),
        };
        let response = match act(&actor).await {
            Ok(response) => response,
            Err(error) if error.is_refused_as(ErrorReason::StepUpRequired) => {
                self.form(StatusCode::FORBIDDEN, &actor.browser, None)
            }
            Err(error) => answer(error.into()),
        };
        with_cookie(response, cookie)
    }

    fn refused(&self, browser: &AuthenticatedSession, error: AuthError) -> Response {
        match FormError::of(error) {
            Ok(trouble) => {
                let response = self.form(trouble.status, browser, Some(trouble.text));
                with_wait(response, trouble.retry_after)
            }
            Err(failure) => answer(failure),
        }
    }

    fn form(
        &self,
        status: StatusCode,
        browser: &AuthenticatedSession,
        trouble: Option<String>,
    ) -> Response {
        form(self.state, (status, self.action), browser, trouble)
    }
}

fn form(
    state: &AppState,
    (status, action): (StatusCode, Option<&str>),
    browser: &AuthenticatedSession,
    trouble: Option<String>,
) -> Response {
    let form = ConfirmPage {
        csrf_token: browser.form_token(&*state.form_tokens),
        username: &browser.session.username,
        action,
        is_unsent: false,
        trouble,
    };
    page(status, &form)
}
