//! `GET`, `POST /login`: sign-in of a browser by password, by a passkey, or by a recovery code in place of a lost one.

mod attempt;
pub(in crate::http) mod factor;
pub(in crate::http) mod passkey;

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{AuthenticationStep, ErrorReason};
use holdfast_core::{blanks, random::Random};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use self::attempt::{BrowserSignIn, SignInFailure};
use crate::{
    http::{
        extract::{form::SentForm, peer::PeerAddress},
        headers,
        pages::{
            error::ErrorPage,
            form_error::{FormError, Presented},
            render::page,
            self_reload::SelfReload,
        },
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    request::{
        cookies, device_proof::is_cross_site_navigation, local_path::LocalPath,
        source::RequestSource,
    },
    session::{authenticator::SessionError, browser_session::Session, csrf_token::CsrfScope},
};

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    csrf_token: String,
    username: String,
    next: String,
    /// Whether the form for a recovery code is open.
    has_recovery_code: bool,
    notice: Option<&'static str>,
    error_text: Option<String>,
}

const OUT_OF_DATE: &str = "This page was out of date, as pages are that a browser restores, so your password was not checked. \
                           Please give it once more. Cookies must be allowed for this site.";
const FORM_NOT_SENT: &str = "You were signed out before you sent the form, so nothing was changed. Sign in to go back to the page; what \
                      you typed there has to be typed again.";
const EXPIRED: &str = "This took too long, or was done in another tab, or the account was changed meanwhile. Please start again.";

const NO_PASSKEYS: &str =
    "Passkeys are not used here, so a recovery code is accepted after the password only.";

/// The query of `GET /login`.
#[derive(Default, Deserialize)]
pub(in crate::http) struct LoginQuery {
    #[serde(default)]
    next: String,
    /// Present after a form that was sent when its session had ended.
    unsent: Option<String>,
    /// Present after a step of a sign-in that cannot go on.
    expired: Option<String>,
    /// Present where a sign-in is required although the browser may be signed in: to another account.
    another: Option<String>,
    /// The username that the form is filled in with.
    #[serde(default)]
    login_hint: String,
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
    /// In place of the password; empty otherwise.
    #[serde(default)]
    recovery_code: SecretString,
    /// The attempt that the challenge of the passkey belongs to.
    #[serde(default)]
    attempt: SecretString,
    /// The response of the browser, in JSON; empty for a password.
    #[serde(default)]
    passkey: String,
}

impl LoginForm {
    fn presented(&self) -> Presented {
        if !self.passkey.is_empty() {
            Presented::Passkey
        } else if self.has_recovery_code() {
            Presented::UsernameAndRecoveryCode
        } else {
            Presented::UsernameAndPassword
        }
    }

    fn has_recovery_code(&self) -> bool {
        !blanks::trim(self.recovery_code.expose_secret()).is_empty()
    }

    /// The first step that it presents, but for a passkey.
    fn first_step(&self) -> AuthenticationStep<'_> {
        if self.has_recovery_code() {
            AuthenticationStep::RecoveryCode(&self.recovery_code)
        } else {
            AuthenticationStep::Password(&self.password)
        }
    }
}

/// Shows the form, or redirects where the browser is signed in already and no other account is asked for.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    query: Result<Query<LoginQuery>, QueryRejection>,
    uri: Uri,
    PeerAddress(peer): PeerAddress,
    headers: HeaderMap,
) -> Response {
    // A query that cannot be read is ignored.
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let request = state.requests.read(&headers, peer);
    if query.another.is_none() {
        match state.authenticator.authenticate(&request).await {
            Ok(_) => return Redirect::to(destination(&query.next).as_str()).into_response(),
            Err(SessionError::NoDeviceProof) if is_cross_site_navigation(&headers) => {
                return SelfReload::at(&uri).into_response();
            }
            Err(_) => {}
        }
    }
    let notice = match (query.unsent, query.expired) {
        (Some(_), _) => Some(FORM_NOT_SENT),
        (None, Some(_)) => Some(EXPIRED),
        (None, None) => None,
    };
    let form = LoginForm {
        next: query.next,
        username: query.login_hint,
        ..LoginForm::default()
    };
    form_page(&state, &headers, form, (StatusCode::OK, notice, None))
}

/// Verifies the password, the passkey or the recovery code. Where that is enough, a new session with a new id begins, and the previous
/// session of this browser ends; otherwise the next page asks for a second factor, or for a new passkey.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    PeerAddress(peer): PeerAddress,
    headers: HeaderMap,
    form: SentForm<LoginForm>,
) -> Result<Response, ErrorPage> {
    let request = state.requests.read(&headers, peer);
    let Some(nonce) = form_nonce(&state, &headers, &form) else {
        return Ok(out_of_date(&state, &request, &headers, form.fields).await);
    };
    let form = form.fields;
    let sign_in = BrowserSignIn::new(&state, &headers, &request, nonce);
    let answer = if form.passkey.is_empty() {
        sign_in.start(&form.username, form.first_step()).await
    } else {
        let step = AuthenticationStep::Passkey(&form.passkey);
        sign_in.proceed(&form.attempt, step, false).await
    };
    let target = destination(&form.next);
    let done = match answer {
        Ok(answer) => sign_in.answer(answer, &target).await,
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(response) => Ok(response),
        Err(SignInFailure::Failed(error)) => Err(error.into()),
        Err(SignInFailure::Refused(error)) if error.is_refused_as(ErrorReason::AttemptInvalid) => {
            // There is no attempt yet that could be over.
            let is_first = form.passkey.is_empty() && form.has_recovery_code();
            let notice = if is_first { NO_PASSKEYS } else { EXPIRED };
            let shown = (StatusCode::FORBIDDEN, Some(notice), None);
            Ok(form_page(&state, &headers, form, shown))
        }
        Err(SignInFailure::Refused(error)) => {
            let error = FormError::of_sign_in(error, form.presented())?;
            Ok(error
                .shown(|(status, text)| form_page(&state, &headers, form, (status, None, text))))
        }
    }
}

/// The random value of the sign-in form of this browser, if the form has the token that belongs to it.
fn form_nonce<T>(state: &AppState, headers: &HeaderMap, form: &SentForm<T>) -> Option<[u8; 16]> {
    let tokens = state.csrf_tokens();
    let nonce = cookies::login_nonce(headers, state.cookie_names(), tokens);
    nonce.filter(|nonce| form.has_token_of(CsrfScope::Anonymous(nonce), tokens))
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

/// The form with a token that is valid in this browser, with the username and the next address kept, and with a notice or an error.
fn form_page(
    state: &AppState,
    request_headers: &HeaderMap,
    form: LoginForm,
    (status, notice, error_text): (StatusCode, Option<&'static str>, Option<String>),
) -> Response {
    let known = cookies::login_nonce(request_headers, state.cookie_names(), state.csrf_tokens());
    let nonce = known.unwrap_or_else(|| fresh_nonce(&*state.random));
    let form = LoginPage {
        csrf_token: state.csrf_tokens().anonymous_token(&nonce),
        has_recovery_code: form.has_recovery_code(),
        username: form.username,
        next: form.next,
        notice,
        error_text,
    };
    let response = headers::with_script(page(status, &form));
    if known.is_some() {
        return response;
    }
    let cookie = set_cookie::set_login(state.cookie_names(), &nonce, state.csrf_tokens());
    with_cookie(response, cookie)
}

fn destination(next: &str) -> LocalPath {
    next.parse().unwrap_or_else(|_| LocalPath::dashboard())
}

fn fresh_nonce(random: &dyn Random) -> [u8; 16] {
    let mut nonce = [0; 16];
    random.fill(&mut nonce);
    nonce
}
