//! `GET|POST /account/password`

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{
    ErrorReason,
    auth::{AuthError, ClientInfo, ClientKind, Login, PasswordChange, Person},
};
use holdfast_core::rate_limited_log::LogRateLimiter;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    http::{
        cookies::{self, with_cookie},
        dbsc,
        form::{CsrfForm, ToSession},
        pages::{
            error::ErrorPage,
            form_error::FormError,
            reauthenticate::{NotProven, Proven, prove},
            render::{page, with_wait},
        },
        request_source::Peer,
        service_error::Failure,
        signed_in::{AuthenticatedSession, PageActor, PageBrowser, begin},
        state::AppState,
    },
    session::{csrf_token::CsrfTokens, session_id::SessionId, sign_in::complete},
};

static NOT_REMOVED: LogRateLimiter = LogRateLimiter::new();
static NOT_REPLACED: LogRateLimiter = LogRateLimiter::new();

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    csrf_token: String,
    username: String,
    trouble: Option<String>,
}

/// The fields of the form.
#[derive(Deserialize)]
pub(in crate::http) struct PasswordForm {
    #[serde(default)]
    current_password: SecretString,
    #[serde(default)]
    new_password: SecretString,
    #[serde(default)]
    new_password_again: SecretString,
}

/// `GET /.well-known/change-password`: where password managers lead people (W3C change-password-url).
pub(in crate::http) async fn redirect_here() -> Redirect {
    Redirect::to("/account/password")
}

/// Shows the form.
pub(in crate::http) async fn show(
    State(form_tokens): State<Arc<dyn CsrfTokens>>,
    PageBrowser(browser): PageBrowser,
) -> Response {
    form(StatusCode::OK, &*form_tokens, &browser, None)
}

/// Changes the password. All logins end; this browser goes on in a new one, with a new session id.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    PageActor(actor): PageActor,
    peer: Peer,
    fields: CsrfForm<PasswordForm, ToSession>,
) -> Response {
    let fields = fields.fields;
    if fields.new_password.expose_secret() != fields.new_password_again.expose_secret() {
        let trouble = FormError::mendable("The two new passwords are not the same.");
        return form_again(&state, &actor.browser, trouble);
    }
    let wanted = PasswordChange {
        current: &fields.current_password,
        new: &fields.new_password,
    };
    let client = peer.into_client(ClientKind::Browser);
    let auth = &state.auth;
    let changed = auth
        .change_password(&actor.authorization, wanted, &client)
        .await;
    let (actor, cookie, changed) = match changed {
        // The current password, which they just gave, is the proof that is asked for.
        Err(error) if error.is_refused_as(ErrorReason::StepUpRequired) => {
            match prove(&state, actor, wanted.current, &client).await {
                Ok(Proven { actor, cookie }) => {
                    let authorization = &actor.authorization;
                    let changed = auth.change_password(authorization, wanted, &client).await;
                    (actor, cookie, changed)
                }
                Err(NotProven::Refused(actor, error)) => (*actor, None, Err(error)),
                Err(NotProven::Failed(response)) => return response,
            }
        }
        changed => (actor, None, changed),
    };
    match changed {
        // From here on the password is changed and every login ended, whatever else goes wrong.
        Ok(login) => continue_anew(&state, &actor.browser, login, &client).await,
        Err(error) => with_cookie(refused(&state, &actor.browser, error), cookie),
    }
}

fn refused(state: &AppState, browser: &AuthenticatedSession, error: AuthError) -> Response {
    match FormError::of(error) {
        Ok(trouble) => form_again(state, browser, trouble),
        Err(failure) => ErrorPage::from(failure).into_response(),
    }
}

/// Goes on in the new login, or asks to sign in where that cannot be done now.
async fn continue_anew(
    state: &AppState,
    browser: &AuthenticatedSession,
    login: Login,
    client: &ClientInfo,
) -> Response {
    let begun = begin_anew(state, browser, login, client).await;
    // After the new one: until then a sign-out with the old id finds what it ends.
    if let Err(error) = state.sessions.end(&browser.id).await {
        NOT_REMOVED.log(|sessions| {
            tracing::warn!(%error, sessions, "the record of an ended session could not be removed");
        });
    }
    match begun {
        Ok((id, sid)) => {
            let response = Redirect::to("/dashboard").into_response();
            let response = dbsc::with_invitation(response, state, &sid);
            with_cookie(response, cookies::set_session(&state.cookie_names, &id))
        }
        Err(_failure) => dbsc::with_cookies_removed(Redirect::to("/login").into_response(), state),
    }
}

async fn begin_anew(
    state: &AppState,
    browser: &AuthenticatedSession,
    login: Login,
    client: &ClientInfo,
) -> Result<(SessionId, String), Failure> {
    let person = Person {
        user_id: browser.session.user_id.clone(),
        username: browser.session.username.clone(),
    };
    let signed_in = complete(&*state.auth, person, login).await?;
    let sid = signed_in.login.sid.clone();
    let refresh_token = signed_in.refresh_token.clone();
    let id = begin(state, signed_in, client).await?;
    if let Err(error) = state
        .sessions
        .replace(&browser.id, &id, &refresh_token)
        .await
    {
        NOT_REPLACED.log(|sessions| {
            tracing::warn!(%error, sessions, "a sign-out with the old session id will not end the new login");
        });
    }
    Ok((id, sid))
}

fn form_again(state: &AppState, browser: &AuthenticatedSession, trouble: FormError) -> Response {
    let tokens = &*state.form_tokens;
    let response = form(trouble.status, tokens, browser, Some(trouble.text));
    with_wait(response, trouble.retry_after)
}

fn form(
    status: StatusCode,
    form_tokens: &dyn CsrfTokens,
    browser: &AuthenticatedSession,
    trouble: Option<String>,
) -> Response {
    let form = PasswordPage {
        csrf_token: browser.form_token(form_tokens),
        username: browser.session.username.clone(),
        trouble,
    };
    page(status, &form)
}
