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
    render::{page, with_wait},
    trouble::Trouble,
};
use crate::{
    domain::{
        auth::{
            AuthError, Client, ClientKind, Grant, Login, PasswordChange, Person, STEP_UP_REQUIRED,
        },
        form_token::{Binding, FormTokens},
        session_id::SessionId,
        sign_in::complete,
    },
    http::{
        client::Peer,
        cookies::{self, with_cookie},
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
    if fields.new_password.expose_secret() != fields.new_password_again.expose_secret() {
        let trouble = Trouble::mendable("The two new passwords are not the same.");
        return Ok(form_again(&state, &actor.browser, trouble));
    }
    let wanted = PasswordChange {
        current: &fields.current_password,
        new: &fields.new_password,
    };
    let client = peer.into_client(ClientKind::Browser);
    match change(&state, &actor, wanted, &client).await {
        // From here on the password is changed and every login ended, whatever else goes wrong.
        Ok(login) => Ok(continue_anew(&state, &actor.browser, login, &client).await),
        Err(error) => {
            let trouble = Trouble::of(error)?;
            Ok(form_again(&state, &actor.browser, trouble))
        }
    }
}

/// Whoever signed in a while ago has to prove again who they are; the current password, which they just gave, is that proof.
async fn change(
    state: &AppState,
    actor: &Actor,
    wanted: PasswordChange<'_>,
    client: &Client,
) -> Result<Login, AuthError> {
    let auth = &state.auth;
    let token = &actor.access_token;
    match auth.change_password(token, wanted, client).await {
        Err(error) if error.is_refused_as(STEP_UP_REQUIRED) => {}
        changed => return changed,
    }
    auth.reauthenticate(token, wanted.current, client).await?;
    let grant = Grant::RefreshToken(&actor.browser.session.refresh_token);
    let tokens = auth.issue_token(grant, "", ClientKind::Browser).await?;
    auth.change_password(&tokens.access_token, wanted, client)
        .await
}

/// Goes on in the new login, or asks to sign in where that cannot be done now.
async fn continue_anew(
    state: &AppState,
    browser: &Browser,
    login: Login,
    client: &Client,
) -> Response {
    if let Err(error) = state.sessions.end(&browser.id).await {
        tracing::warn!(%error, "the record of an ended session could not be removed");
    }
    match begin_anew(state, browser, login, client).await {
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
    client: &Client,
) -> Result<SessionId, Failure> {
    let person = Person {
        user_id: browser.session.user_id.clone(),
        username: browser.session.username.clone(),
    };
    let signed_in = complete(&*state.auth, person, login).await?;
    begin(state, signed_in, client).await
}

fn form_again(state: &AppState, browser: &Browser, trouble: Trouble) -> Response {
    let tokens = &*state.form_tokens;
    let response = form(trouble.status, tokens, browser, Some(trouble.text));
    with_wait(response, trouble.retry_after)
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
