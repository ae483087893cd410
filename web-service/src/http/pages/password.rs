//! `GET`, `POST /account/password`: change of the password.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{
    AuthClient, AuthError, ClientInfo, ErrorReason, Login, PasswordChange, Person,
};
use holdfast_core::rate_limited_log::LogRateLimiter;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    http::{
        dbsc,
        extract::{
            client::BrowserInfo,
            form::{CsrfForm, ToSession},
            session::PageSessionWithToken,
        },
        pages::{
            error::ErrorPage,
            form_error::{FormError, Presented},
            notices,
            passwordless::ADD,
            reauthenticate::{Reauthenticated, Reauthentication, ReauthenticationError},
            render::page,
        },
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    service_error::ServiceError,
    session::{
        authenticator::AuthenticatedSession, csrf_token::CsrfTokens, session_id::SessionId,
        sign_in::complete,
    },
};

pub(super) const NOT_THE_SAME: &str = "The two new passwords are not the same.";

const CHANGE: &str = "/account/password";
/// Where a second factor is asked for before the change.
const CONFIRM: &str = "/account/confirm?next=%2Faccount%2Fpassword";

static NOT_REMOVED: LogRateLimiter = LogRateLimiter::new("session.removal_failed");
static NOT_REPLACED: LogRateLimiter = LogRateLimiter::new("session.successor_not_stored");

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    csrf_token: String,
    username: String,
    /// Whether it is changed, or set where there is none.
    has_password: bool,
    error_text: Option<String>,
}

impl PasswordPage {
    const fn action(&self) -> &'static str {
        if self.has_password { CHANGE } else { ADD }
    }
}

/// The fields of the form; absent ones are empty.
#[derive(Deserialize)]
pub(in crate::http) struct PasswordForm {
    #[serde(default)]
    current_password: SecretString,
    #[serde(default)]
    new_password: SecretString,
    #[serde(default)]
    new_password_again: SecretString,
}

/// `GET /.well-known/change-password`: where password managers direct people (W3C change-password-url).
pub(in crate::http) async fn redirect_here() -> Redirect {
    Redirect::to(CHANGE)
}

/// Shows the form for a new password, or redirects to the one for an account without a password.
pub(in crate::http) async fn show(
    State(auth): State<AuthClient>,
    State(csrf_tokens): State<Arc<dyn CsrfTokens>>,
    PageSessionWithToken(caller): PageSessionWithToken,
) -> Response {
    let account = auth.account(&caller.authorization).await;
    if account.is_ok_and(|account| account.password_changed_at.is_none()) {
        return Redirect::to(ADD).into_response();
    }
    let shown = (StatusCode::OK, None);
    form(&*csrf_tokens, &caller.session, true, shown)
}

/// Changes the password. All logins end, and this browser continues in a new one, with a new session id.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    BrowserInfo(client): BrowserInfo,
    fields: CsrfForm<PasswordForm, ToSession>,
) -> Response {
    let fields = fields.fields;
    if fields.new_password.expose_secret() != fields.new_password_again.expose_secret() {
        let error = FormError::correctable(NOT_THE_SAME);
        return form_again(&state, &caller.session, true, error);
    }
    let change = PasswordChange {
        current: &fields.current_password,
        new: &fields.new_password,
    };
    let auth = &state.auth;
    let changed = auth
        .change_password(&caller.authorization, change, &client)
        .await;
    let (caller, cookie, changed) = match changed {
        // The current password, which the form contains, serves for the reauthentication, too.
        Err(error) if error.is_refused_as(ErrorReason::StepUpRequired) => {
            // Where it is not enough, the form is sent again after a second factor: the passwords are not repeated in a page.
            let reauthentication = Reauthentication {
                action: Some(CONFIRM),
                needs_strongest: true,
                is_unsent: true,
                ..Reauthentication::new(&state, &client)
            };
            let verified = reauthentication.verify_password(caller, change.current);
            match verified.await {
                Ok(Reauthenticated { caller, cookie }) => {
                    let authorization = &caller.authorization;
                    let changed = auth.change_password(authorization, change, &client).await;
                    (caller, cookie, changed)
                }
                Err(ReauthenticationError::Refused(refused)) => {
                    (refused.caller, None, Err(refused.error))
                }
                Err(error) => return reauthentication.response(error).await,
            }
        }
        changed => (caller, None, changed),
    };
    match changed {
        // The password is changed and every login ended, whatever fails from here on.
        Ok(login) => continue_in(login, &state, &caller.session, &client).await,
        Err(error) => with_cookie(refused(&state, &caller.session, error), cookie),
    }
}

fn refused(state: &AppState, session: &AuthenticatedSession, error: AuthError) -> Response {
    match FormError::of(error, Presented::Password) {
        Ok(error) => form_again(state, session, true, error),
        Err(failure) => ErrorPage::from(failure).into_response(),
    }
}

/// Continues in the new login, or redirects to sign-in where its session cannot begin now.
async fn continue_in(
    login: Login,
    state: &AppState,
    session: &AuthenticatedSession,
    client: &ClientInfo,
) -> Response {
    // A login of its own, which caused the change: without this, it would be shown as that of another one.
    let changed_at = login.authenticated_at;
    let begun = begin_session(login, state, session, client).await;
    // After the new session began: until then a sign-out with the old id finds what it ends.
    if let Err(error) = state.sessions.end(&session.id).await {
        NOT_REMOVED.log(|sessions| {
            tracing::warn!(event = "session.removal_failed", %error, sessions, "the record of an ended session could not be removed; it expires");
        });
    }
    match begun {
        Ok((id, sid)) => {
            let response = Redirect::to("/dashboard").into_response();
            let response = dbsc::with_registration(response, state, &sid);
            let cookie = set_cookie::set_session(state.cookie_names(), &id);
            let response = with_cookie(response, cookie);
            notices::with_acknowledgement(response, state, (session, changed_at))
        }
        Err(_failure) => dbsc::with_cookies_removed(Redirect::to("/login").into_response(), state),
    }
}

async fn begin_session(
    login: Login,
    state: &AppState,
    session: &AuthenticatedSession,
    client: &ClientInfo,
) -> Result<(SessionId, String), ServiceError> {
    let person = Person {
        user_id: session.record.user_id.clone(),
        username: session.record.username.clone(),
    };
    let signed_in = complete(&state.auth, person, login).await?;
    let sid = signed_in.login.sid.clone();
    let refresh_token = signed_in.refresh_token.clone();
    let id = state.authenticator.begin(signed_in, client).await?;
    if let Err(error) = state
        .sessions
        .replace(&session.id, &id, &refresh_token)
        .await
    {
        NOT_REPLACED.log(|sessions| {
            tracing::warn!(event = "session.successor_not_stored", %error, sessions, "the successor of a session could not be stored; a sign-out with the old session id will not end the new login");
        });
    }
    Ok((id, sid))
}

/// The form with an error. `has_password`: whether the password is changed, or set where there is none.
pub(super) fn form_again(
    state: &AppState,
    session: &AuthenticatedSession,
    has_password: bool,
    error: FormError,
) -> Response {
    let tokens = state.csrf_tokens();
    error.shown(|shown| form(tokens, session, has_password, shown))
}

/// The form for a new password.
pub(super) fn form(
    csrf_tokens: &dyn CsrfTokens,
    session: &AuthenticatedSession,
    has_password: bool,
    (status, error_text): (StatusCode, Option<String>),
) -> Response {
    let form = PasswordPage {
        csrf_token: session.csrf_token(csrf_tokens),
        username: session.record.username.clone(),
        has_password,
        error_text,
    };
    page(status, &form)
}
