//! `GET|POST /login`

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use secrecy::SecretString;
use serde::Deserialize;
use service_kit::system::Random;

use super::{
    error::ErrorPage,
    render::{page, with_cookie},
};
use crate::{
    domain::{
        auth::{AuthError, ClientKind, INVALID_CREDENTIALS, OVERLOADED},
        form_token::Binding,
        local_path::LocalPath,
        session_id::SessionId,
        sign_in::sign_in,
        sign_out::sign_out,
    },
    http::{
        client::Peer,
        cookies,
        failure::Failure,
        form::{ProvenForm, ToBrowser},
        signed_in::{Browser, begin},
        state::AppState,
    },
};

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    csrf_token: String,
    username: String,
    next: String,
    trouble: Option<Trouble>,
}

/// What stood in the way, for the page to say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    WrongPassword,
    Busy,
    Away,
}

/// The query of `GET /login`.
#[derive(Deserialize)]
pub(in crate::http) struct Wanted {
    #[serde(default)]
    next: String,
}

/// The fields of the form.
#[derive(Deserialize)]
pub(in crate::http) struct LoginForm {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// Shows the form, or goes on where somebody is signed in already.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    // Whatever else is asked in the URL, the form is shown.
    let next = wanted.map(|Query(wanted)| wanted.next).unwrap_or_default();
    if Browser::find(&headers, &state).await.is_ok() {
        return Redirect::to(destination(&next).as_str()).into_response();
    }
    let known = cookies::login(&headers).and_then(|cookie| state.form_tokens.open_nonce(cookie));
    let nonce = known.unwrap_or_else(|| fresh_nonce(&*state.random));
    let form = LoginPage {
        csrf_token: state.form_tokens.token(Binding::Anonymous(&nonce)),
        username: String::new(),
        next,
        trouble: None,
    };
    let response = page(StatusCode::OK, &form);
    if known.is_some() {
        return response;
    }
    with_cookie(
        response,
        cookies::set_login(&state.form_tokens.seal_nonce(&nonce)),
    )
}

/// Signs in: a new session with a new id, and the old one of this browser ends.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    peer: Peer,
    headers: HeaderMap,
    form: ProvenForm<LoginForm, ToBrowser>,
) -> Result<Response, ErrorPage> {
    let form = form.fields;
    let client = peer.into_client(ClientKind::Browser);
    let signed_in = match sign_in(&*state.auth, &form.username, &form.password, &client).await {
        Ok(signed_in) => signed_in,
        Err(error) => return refused(&state, &headers, form, error),
    };
    let id = begin(&state, signed_in).await?;
    if let Some(old) = cookies::session_id(&headers) {
        end_quietly(&state, &old).await;
    }
    let response = Redirect::to(destination(&form.next).as_str()).into_response();
    let response = with_cookie(response, cookies::set_session(&id));
    Ok(with_cookie(response, cookies::remove_login()))
}

/// Ends a session and its login; nobody waits for what cannot be done now.
async fn end_quietly(state: &AppState, id: &SessionId) {
    if let Ok(Some(session)) = state.sessions.find(id).await {
        sign_out(&*state.auth, &*state.end_later, &session.refresh_token).await;
    }
    if let Err(error) = state.sessions.end(id).await {
        tracing::warn!(%error, "a replaced session could not be removed");
    }
}

/// The form again, with the name kept and what stood in the way.
fn refused(
    state: &AppState,
    headers: &HeaderMap,
    form: LoginForm,
    error: AuthError,
) -> Result<Response, ErrorPage> {
    let (status, trouble, retry_after) = match error {
        error if error.is_refused_as(INVALID_CREDENTIALS) => {
            (StatusCode::UNAUTHORIZED, Trouble::WrongPassword, None)
        }
        AuthError::Unavailable {
            reason,
            retry_after,
        } => {
            let trouble = if reason == OVERLOADED {
                Trouble::Busy
            } else {
                Trouble::Away
            };
            (StatusCode::SERVICE_UNAVAILABLE, trouble, Some(retry_after))
        }
        error => return Err(Failure::from(error).into()),
    };
    let nonce = cookies::login(headers)
        .and_then(|cookie| state.form_tokens.open_nonce(cookie))
        .ok_or_else(ErrorPage::form_out_of_date)?;
    let form = LoginPage {
        csrf_token: state.form_tokens.token(Binding::Anonymous(&nonce)),
        username: form.username,
        next: form.next,
        trouble: Some(trouble),
    };
    let mut response = page(status, &form);
    if let Some(wait) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
    }
    Ok(response)
}

fn destination(next: &str) -> LocalPath {
    next.parse().unwrap_or_else(|_| LocalPath::dashboard())
}

fn fresh_nonce(random: &dyn Random) -> [u8; 16] {
    let mut nonce = [0; 16];
    random.fill(&mut nonce);
    nonce
}
