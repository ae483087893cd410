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
            AuthError, ClientKind, INVALID_CREDENTIALS, PASSWORD_REJECTED, PasswordChange, Person,
        },
        form_token::{Binding, FormTokens},
        session_id::SessionId,
        sign_in::complete,
    },
    http::{
        client::Peer,
        cookies,
        form::{ProvenForm, ToSession},
        signed_in::{Browser, NotSignedIn, PageBrowser},
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
    PageBrowser(browser): PageBrowser,
    peer: Peer,
    fields: ProvenForm<PasswordForm, ToSession>,
) -> Result<Response, ErrorPage> {
    let fields = fields.fields;
    if fields.new_password.expose_secret() != fields.new_password_again.expose_secret() {
        let trouble = Some("The two new passwords are not the same.".to_owned());
        return Ok(form(
            StatusCode::UNPROCESSABLE_ENTITY,
            &*state.form_tokens,
            &browser,
            trouble,
        ));
    }
    match change(&state, &browser, peer, &fields).await {
        Ok(id) => {
            let response = Redirect::to("/dashboard").into_response();
            Ok(with_cookie(response, cookies::set_session(&id)))
        }
        Err(Refused::Trouble(trouble)) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(form(status, &*state.form_tokens, &browser, Some(trouble)))
        }
        Err(Refused::Error(page)) => Err(page),
    }
}

/// Why the password stays as it is.
enum Refused {
    /// Something that the person can mend.
    Trouble(String),
    /// Something else.
    Error(ErrorPage),
}

impl From<AuthError> for Refused {
    fn from(error: AuthError) -> Self {
        match &error {
            AuthError::Refused(refusal) if refusal.reason == PASSWORD_REJECTED => {
                Self::Trouble(sentence(&refusal.message))
            }
            _ if error.is_refused_as(INVALID_CREDENTIALS) => {
                Self::Trouble("The current password is wrong.".to_owned())
            }
            _ => Self::Error(error.into()),
        }
    }
}

async fn change(
    state: &AppState,
    browser: &Browser,
    peer: Peer,
    fields: &PasswordForm,
) -> Result<SessionId, Refused> {
    let wanted = PasswordChange {
        current: &fields.current_password,
        new: &fields.new_password,
    };
    let client = peer.into_client(ClientKind::Browser);
    let login = state
        .auth
        .change_password(&browser.access_token, wanted, &client)
        .await?;
    let person = Person {
        user_id: browser.session.user_id.clone(),
        username: browser.session.username.clone(),
    };
    let signed_in = complete(&*state.auth, person, login).await?;
    let unavailable = |error| Refused::Error(NotSignedIn::from(error).into());
    let id = state.sessions.begin(signed_in).await.map_err(unavailable)?;
    state.sessions.end(&browser.id).await.map_err(unavailable)?;
    Ok(id)
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
