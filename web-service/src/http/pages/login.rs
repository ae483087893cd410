//! `GET|POST /login`

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Redirect, Response},
};
use secrecy::SecretString;
use serde::Deserialize;
use service_kit::system::Random;

use super::{
    error::ErrorPage,
    load_again::LoadAgain,
    render::{page, with_wait},
    trouble::Trouble,
};
use crate::{
    domain::{
        auth::{AuthError, Client, ClientKind, INVALID_CREDENTIALS, OVERLOADED},
        bindings::Shown,
        form_token::Binding,
        local_path::LocalPath,
        session_id::SessionId,
        sign_in::sign_in,
        sign_out::sign_out,
    },
    http::{
        client::{Peer, Socket, Visitor},
        cookies::{self, with_cookie},
        device,
        failure::Failure,
        form::{ProvenForm, ToBrowser},
        signed_in::{Browser, NotSignedIn, begin},
        state::AppState,
    },
};

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    csrf_token: String,
    username: String,
    next: String,
    trouble: Option<String>,
}

const WRONG: &str = "The username or the password is wrong. Please try again.";
const BUSY: &str = "Many people are signing in at this moment. Please try again in a few seconds.";
const AWAY: &str = "Signing in is not possible right now: a part of this service does not answer. \
                    Your password was not checked. Please try again in a moment.";

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
    uri: Uri,
    Socket(socket): Socket,
    headers: HeaderMap,
) -> Response {
    // Whatever else is asked in the URL, the form is shown.
    let next = wanted.map(|Query(wanted)| wanted.next).unwrap_or_default();
    let visitor = Visitor {
        headers: &headers,
        socket,
    };
    match Browser::find(visitor, &state).await {
        Ok(_) => return Redirect::to(destination(&next).as_str()).into_response(),
        Err(NotSignedIn::NoProof) if device::is_led_here(&headers) => {
            return LoadAgain::at(&uri).into_response();
        }
        Err(_) => {}
    }
    let known = cookies::login_nonce(&headers, &state.cookie_names, &*state.form_tokens);
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
    let cookie = cookies::set_login(&state.cookie_names, &nonce, &*state.form_tokens);
    with_cookie(response, cookie)
}

/// Signs in: a new session with a new id, and the old one of this browser ends.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    peer: Peer,
    headers: HeaderMap,
    form: ProvenForm<LoginForm, ToBrowser>,
) -> Result<Response, ErrorPage> {
    let form = form.fields;
    let device = peer.device.unwrap_or_else(|| fresh_nonce(&*state.random));
    let client = Client {
        device: Some(device),
        ..peer.into_client(ClientKind::Browser)
    };
    let signed_in = match sign_in(&*state.auth, &form.username, &form.password, &client).await {
        Ok(signed_in) => signed_in,
        Err(error) => return refused(&state, &headers, form, error),
    };
    let sid = signed_in.login.sid.clone();
    let id = begin(&state, signed_in, &client).await?;
    if let Some(old) = cookies::session_id(&headers, &state.cookie_names) {
        end_quietly(&state, &headers, &old, &client).await;
    }
    let response = Redirect::to(destination(&form.next).as_str()).into_response();
    let response = device::with_invitation(response, &state, &sid);
    let names = &state.cookie_names;
    let response = with_cookie(response, cookies::set_session(names, &id));
    let known = cookies::set_known(names, &device, &*state.form_tokens);
    let response = with_cookie(response, known);
    Ok(with_cookie(response, cookies::remove_login(names)))
}

/// Ends a session and its login; nobody waits for what cannot be done now. Of a session that is bound to another device not even
/// that.
async fn end_quietly(state: &AppState, headers: &HeaderMap, id: &SessionId, client: &Client) {
    if let Ok(Some(session)) = state.sessions.find(id).await {
        let shown = state
            .bindings
            .judge(&session, cookies::proof(headers, &state.cookie_names));
        if matches!(shown, Shown::Nothing | Shown::Stale) {
            return;
        }
        let refresh_token = &session.refresh_token;
        sign_out(&*state.auth, &*state.end_later, refresh_token, client).await;
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
    let trouble = trouble(error)?;
    let nonce = cookies::login_nonce(headers, &state.cookie_names, &*state.form_tokens)
        .ok_or_else(ErrorPage::form_out_of_date)?;
    let form = LoginPage {
        csrf_token: state.form_tokens.token(Binding::Anonymous(&nonce)),
        username: form.username,
        next: form.next,
        trouble: Some(trouble.text),
    };
    Ok(with_wait(page(trouble.status, &form), trouble.retry_after))
}

fn trouble(error: AuthError) -> Result<Trouble, Failure> {
    match error {
        error if error.is_refused_as(INVALID_CREDENTIALS) => Ok(Trouble {
            status: StatusCode::UNAUTHORIZED,
            text: WRONG.to_owned(),
            retry_after: None,
        }),
        AuthError::Throttled { retry_after } => Ok(Trouble::throttled(retry_after)),
        AuthError::Unavailable {
            reason,
            retry_after,
        } => Ok(Trouble {
            status: StatusCode::SERVICE_UNAVAILABLE,
            text: if reason == OVERLOADED { BUSY } else { AWAY }.to_owned(),
            retry_after: Some(retry_after),
        }),
        error => Err(error.into()),
    }
}

fn destination(next: &str) -> LocalPath {
    next.parse().unwrap_or_else(|_| LocalPath::dashboard())
}

fn fresh_nonce(random: &dyn Random) -> [u8; 16] {
    let mut nonce = [0; 16];
    random.fill(&mut nonce);
    nonce
}
