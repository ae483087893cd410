//! `GET|POST /account/password`

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{
    error::ErrorPage,
    render::{page, with_cookie},
};
use crate::{
    domain::{
        auth::{
            AuthError, ClientKind, INVALID_CREDENTIALS, Login, PASSWORD_REJECTED, PasswordChange,
            Person,
        },
        form_token::{Binding, FormTokens},
        session_id::SessionId,
        sign_in::complete,
    },
    http::{
        client::Peer,
        cookies,
        failure::Failure,
        form::{ProvenForm, ToSession},
        signed_in::{Actor, Browser, PageActor, PageBrowser, begin},
        state::AppState,
    },
};

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

/// Shows the form.
pub(in crate::http) async fn show(
    State(form_tokens): State<Arc<dyn FormTokens>>,
    PageBrowser(browser): PageBrowser,
) -> Response {
    form(StatusCode::OK, &*form_tokens, &browser, None)
}

/// Changes the password. All logins end; this browser goes on in a new one, with a new session id.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    PageActor(actor): PageActor,
    peer: Peer,
    fields: ProvenForm<PasswordForm, ToSession>,
) -> Result<Response, ErrorPage> {
    let fields = fields.fields;
    let Actor {
        browser,
        access_token,
    } = actor;
    if fields.new_password.expose_secret() != fields.new_password_again.expose_secret() {
        let trouble = Some("The two new passwords are not the same.".to_owned());
        return Ok(form(
            StatusCode::UNPROCESSABLE_ENTITY,
            &*state.form_tokens,
            &browser,
            trouble,
        ));
    }
    let wanted = PasswordChange {
        current: &fields.current_password,
        new: &fields.new_password,
    };
    let client = peer.into_client(ClientKind::Browser);
    let changed = state
        .auth
        .change_password(&access_token, wanted, &client)
        .await;
    let login = match changed {
        Ok(login) => login,
        Err(error) => {
            let trouble = Some(mendable(error)?);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(form(status, &*state.form_tokens, &browser, trouble));
        }
    };
    // From here on the password is changed and every login ended, whatever else goes wrong.
    Ok(continue_anew(&state, &browser, login).await)
}

/// What the person can mend, in words; anything else is a page of its own.
fn mendable(error: AuthError) -> Result<String, ErrorPage> {
    match error {
        AuthError::Refused(refusal) if refusal.reason == PASSWORD_REJECTED => {
            Ok(sentence(&refusal.message))
        }
        error if error.is_refused_as(INVALID_CREDENTIALS) => {
            Ok("The current password is wrong.".to_owned())
        }
        error => Err(Failure::from(error).into()),
    }
}

/// Goes on in the new login, or asks to sign in where that cannot be done now.
async fn continue_anew(state: &AppState, browser: &Browser, login: Login) -> Response {
    if let Err(error) = state.sessions.end(&browser.id).await {
        tracing::warn!(%error, "the record of an ended session could not be removed");
    }
    match begin_anew(state, browser, login).await {
        Ok(id) => with_cookie(
            Redirect::to("/dashboard").into_response(),
            cookies::set_session(&id),
        ),
        Err(_failure) => with_cookie(
            Redirect::to("/login").into_response(),
            cookies::remove_session(),
        ),
    }
}

async fn begin_anew(
    state: &AppState,
    browser: &Browser,
    login: Login,
) -> Result<SessionId, Failure> {
    let person = Person {
        user_id: browser.session.user_id.clone(),
        username: browser.session.username.clone(),
    };
    let signed_in = complete(&*state.auth, person, login).await?;
    begin(state, signed_in).await
}

fn form(
    status: StatusCode,
    form_tokens: &dyn FormTokens,
    browser: &Browser,
    trouble: Option<String>,
) -> Response {
    let form = PasswordPage {
        csrf_token: form_tokens.token(Binding::Session(&browser.id)),
        username: browser.session.username.clone(),
        trouble,
    };
    page(status, &form)
}

/// auth-service's words begin small and have no full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters
        .next()
        .map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
        .unwrap_or_default()
}
