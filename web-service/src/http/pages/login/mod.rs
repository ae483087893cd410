//! `GET`, `POST /login`: sign-in of a browser.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{AuthError, ClientInfo, ClientKind, DeviceId, ErrorReason};
use holdfast_core::{blanks, random::Random, rate_limited_log::LogRateLimiter};
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    http::{
        dbsc,
        extract::{form::SentForm, peer::PeerAddress},
        pages::{
            error::ErrorPage,
            form_error::FormError,
            render::{page, with_wait},
            self_reload::SelfReload,
        },
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    request::{
        cookies, device_proof::is_cross_site_navigation, local_path::LocalPath,
        source::RequestSource,
    },
    service_error::ServiceError,
    session::{
        authenticator::SessionError, browser_session::Session, csrf_token::CsrfScope,
        device_binding::DeviceProofStatus, session_id::SessionId, sign_in::sign_in,
        sign_out::sign_out,
    },
};

static NOT_REMOVED: LogRateLimiter = LogRateLimiter::new("session.removal_failed");

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    csrf_token: String,
    username: String,
    next: String,
    notice: Option<&'static str>,
    error_text: Option<String>,
}

const INVALID_CREDENTIALS: &str = "The username or the password is wrong. Please try again.";
const OVERLOADED: &str =
    "Many people are signing in at this moment. Please try again in a few seconds.";
const UNAVAILABLE: &str = "Signing in is not possible right now: a part of this service does not answer. \
                    Your password was not checked. Please try again in a moment.";
const OUT_OF_DATE: &str = "This page was out of date, as pages are that a browser restores, so your password was not checked. \
                           Please give it once more. Cookies must be allowed for this site.";
const FORM_NOT_SENT: &str = "You were signed out before you sent the form, so nothing was changed. Sign in to go back to the page; what \
                      you typed there has to be typed again.";

/// The query of `GET /login`.
#[derive(Deserialize)]
pub(in crate::http) struct LoginQuery {
    #[serde(default)]
    next: String,
    /// Present after a form that was sent when its session had ended.
    unsent: Option<String>,
}

/// The fields of the form.
#[derive(Default, Deserialize)]
pub(in crate::http) struct LoginForm {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// Shows the form, or redirects where the browser is signed in already.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    query: Result<Query<LoginQuery>, QueryRejection>,
    uri: Uri,
    PeerAddress(peer): PeerAddress,
    headers: HeaderMap,
) -> Response {
    // A query that cannot be read is ignored.
    let (next, unsent) = query
        .map(|Query(query)| (query.next, query.unsent))
        .unwrap_or_default();
    let request = state.requests.read(&headers, peer);
    match state.authenticator.authenticate(&request).await {
        Ok(_) => return Redirect::to(destination(&next).as_str()).into_response(),
        Err(SessionError::NoDeviceProof) if is_cross_site_navigation(&headers) => {
            return SelfReload::at(&uri).into_response();
        }
        Err(_) => {}
    }
    let form = LoginForm {
        next,
        ..LoginForm::default()
    };
    let notice = unsent.map(|_| FORM_NOT_SENT);
    form_page(&state, &headers, form, (StatusCode::OK, notice, None))
}

/// Signs in: a new session with a new id begins, and the previous session of this browser ends.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    PeerAddress(peer): PeerAddress,
    headers: HeaderMap,
    form: SentForm<LoginForm>,
) -> Result<Response, ErrorPage> {
    let request = state.requests.read(&headers, peer);
    let tokens = state.csrf_tokens();
    let nonce = cookies::login_nonce(&headers, state.cookie_names(), tokens);
    let nonce = nonce.filter(|nonce| form.has_token_of(CsrfScope::Anonymous(nonce), tokens));
    let form = form.fields;
    let Some(nonce) = nonce else {
        return Ok(out_of_date(&state, &request, &headers, form).await);
    };
    let client = request.client_info_as(ClientKind::Browser);
    let device = client
        .device
        .unwrap_or_else(|| DeviceId::new(fresh_nonce(&*state.random)));
    let client = ClientInfo {
        device: Some(device.clone()),
        ..client
    };
    let credentials = (form.username.as_str(), &form.password);
    let signed_in = match sign_in(&state.auth, credentials, &nonce, &client).await {
        Ok(signed_in) => signed_in,
        Err(error) => {
            let FormError {
                status,
                text,
                retry_after,
            } = form_error(error)?;
            let response = form_page(&state, &headers, form, (status, None, Some(text)));
            return Ok(with_wait(response, retry_after));
        }
    };
    let sid = signed_in.login.sid.clone();
    let id = state.authenticator.begin(signed_in, &client).await?;
    if let Some(old) = cookies::session_id(&headers, state.cookie_names()) {
        end_previous(&state, &headers, (&old, &sid), &client).await;
    }
    let response = Redirect::to(destination(&form.next).as_str()).into_response();
    let response = dbsc::with_registration(response, &state, &sid);
    let names = state.cookie_names();
    let response = with_cookie(response, set_cookie::set_session(names, &id));
    let known = set_cookie::set_known(names, &device, state.csrf_tokens());
    let response = with_cookie(response, known);
    Ok(with_cookie(response, set_cookie::remove_login(names)))
}

/// The response to a form of another tab, or of one that was restored without its cookies. A person who is signed in meanwhile is
/// redirected; otherwise the form is shown again with a valid token. No password is verified.
async fn out_of_date(
    state: &AppState,
    request: &RequestSource<'_>,
    headers: &HeaderMap,
    form: LoginForm,
) -> Response {
    let text = match state.authenticator.authenticate(request).await {
        Ok(session) if is_username_of(&session.record, &form.username) => {
            return Redirect::to(destination(&form.next).as_str()).into_response();
        }
        Ok(session) => format!(
            "{} is signed in with this browser, so your password was not checked. To sign in with another account, give it once more.",
            session.record.username
        ),
        Err(_) => OUT_OF_DATE.to_owned(),
    };
    form_page(
        state,
        headers,
        form,
        (StatusCode::FORBIDDEN, None, Some(text)),
    )
}

fn is_username_of(session: &Session, username: &str) -> bool {
    blanks::trim(username).eq_ignore_ascii_case(&session.username)
}

/// Ends the previous session and its login; a failure does not affect the response. A session that is bound to another device does not end,
/// and neither does the login of the new session: the same form may have begun it before.
async fn end_previous(
    state: &AppState,
    headers: &HeaderMap,
    (id, new_sid): (&SessionId, &str),
    client: &ClientInfo,
) {
    if let Ok(Some(session)) = state.sessions.find(id).await {
        let status = state
            .bindings
            .proof_status(&session, cookies::proof(headers, state.cookie_names()));
        if matches!(
            status,
            DeviceProofStatus::Missing | DeviceProofStatus::Expired
        ) {
            return;
        }
        if session.sid != new_sid {
            let refresh_token = &session.refresh_token;
            sign_out(&state.auth, &state.deferred_sign_out, refresh_token, client).await;
        }
    }
    if let Err(error) = state.sessions.end(id).await {
        NOT_REMOVED.log(|sessions| {
            tracing::warn!(event = "session.removal_failed", %error, sessions, "a replaced session could not be removed; it expires");
        });
    }
}

/// The form with a token that is valid in this browser, with the username and the next address kept, and with a notice or an error.
fn form_page(
    state: &AppState,
    headers: &HeaderMap,
    form: LoginForm,
    (status, notice, error_text): (StatusCode, Option<&'static str>, Option<String>),
) -> Response {
    let known = cookies::login_nonce(headers, state.cookie_names(), state.csrf_tokens());
    let nonce = known.unwrap_or_else(|| fresh_nonce(&*state.random));
    let form = LoginPage {
        csrf_token: state.csrf_tokens().anonymous_token(&nonce),
        username: form.username,
        next: form.next,
        notice,
        error_text,
    };
    let response = page(status, &form);
    if known.is_some() {
        return response;
    }
    let cookie = set_cookie::set_login(state.cookie_names(), &nonce, state.csrf_tokens());
    with_cookie(response, cookie)
}

fn form_error(error: AuthError) -> Result<FormError, ServiceError> {
    match error {
        error if error.is_refused_as(ErrorReason::InvalidCredentials) => Ok(FormError {
            status: StatusCode::UNAUTHORIZED,
            text: INVALID_CREDENTIALS.to_owned(),
            retry_after: None,
        }),
        error if error.is_refused_as(ErrorReason::AdditionalFactorRequired) => {
            Ok(FormError::additional_factor())
        }
        AuthError::Throttled { retry_after } => Ok(FormError::throttled(retry_after)),
        AuthError::Unavailable {
            reason,
            retry_after,
        } => Ok(FormError {
            status: StatusCode::SERVICE_UNAVAILABLE,
            text: if reason == ErrorReason::Overloaded {
                OVERLOADED
            } else {
                UNAVAILABLE
            }
            .to_owned(),
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
