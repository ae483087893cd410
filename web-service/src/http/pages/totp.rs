//! `GET`, `POST /account/totp` and `POST /account/totp/confirm`: the set-up of one-time codes.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{AuthenticationFactor, ErrorReason, NextSteps, TotpEnrolment, TotpSetUp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    http::{
        extract::{
            client::BrowserInfo,
            form::{CsrfForm, ToSession},
            session::{PageSession, PageSessionWithToken},
        },
        pages::{
            error::ErrorPage,
            factor_form::TotpSecretView,
            reauthenticate::{ConfirmationForm, SensitiveOperation},
            render::page,
            security::not_changed,
        },
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    request::cookies,
    service_error::ServiceError,
    session::{
        authenticator::{AuthenticatedSession, SessionWithToken},
        codec::attempt_cookie::AttemptScope,
    },
};

const TOTP: &str = "/account/totp";
/// The page that offers recovery codes.
const RECOVERY_CODES: &str = "/account/recovery-codes";

const WRONG_CODE: &str = "The code is wrong. Please check that the clock of your device is right, and type the next code.";
const NO_CODE: &str = "Please type the code.";

#[derive(Template)]
#[template(path = "totp.html")]
struct TotpPage {
    csrf_token: String,
    /// `None`: the set-up has not begun.
    set_up: Option<TotpSecretView>,
    error_text: Option<&'static str>,
}

/// The form that confirms the set-up.
#[derive(Deserialize)]
pub(in crate::http) struct CodeForm {
    #[serde(default)]
    code: SecretString,
}

/// Shows the secret of the set-up in progress, or the button that begins one.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    PageSession(session): PageSession,
    headers: HeaderMap,
) -> Response {
    let set_up = in_progress(&state, &session, &headers).map(|(_, set_up)| set_up);
    totp_page(&state, &session, set_up.as_ref(), (StatusCode::OK, None))
}

/// Begins the set-up; nothing is stored but in the cookie.
pub(in crate::http) async fn begin(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    BrowserInfo(client): BrowserInfo,
    form: ConfirmationForm,
) -> Response {
    let operation = SensitiveOperation::on_factors(&state, TOTP, &client);
    let begin = async |caller: &SessionWithToken| match state
        .auth
        .start_totp_enrolment(&caller.authorization)
        .await
    {
        Ok(enrolment) => Ok(begun(&state, &caller.session, enrolment)),
        Err(error) => not_changed(error),
    };
    operation.run(caller, &form, begin).await
}

/// Keeps the set-up in the cookie, and shows it.
fn begun(state: &AppState, session: &AuthenticatedSession, enrolment: TotpEnrolment) -> Response {
    let steps = NextSteps {
        attempt: enrolment.enrolment,
        factors: vec![AuthenticationFactor::EnrolTotp(enrolment.set_up)],
        expires_at: enrolment.expires_at,
        trusted_browser_ttl: None,
    };
    let scope = AttemptScope::TotpSetUp(&session.record.sid);
    match state.attempts.seal(scope, &steps) {
        Some(cookie) => {
            let cookie = set_cookie::set_attempt(state.cookie_names(), &cookie);
            with_cookie(Redirect::to(TOTP).into_response(), cookie)
        }
        None => ErrorPage::from(ServiceError::Internal).into_response(),
    }
}

/// Adds the one-time codes to the account, given the first code. Where the authentication is not recent any more, the set-up begins again
/// after another one.
pub(in crate::http) async fn confirm(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    BrowserInfo(client): BrowserInfo,
    headers: HeaderMap,
    form: CsrfForm<CodeForm, ToSession>,
) -> Result<Response, ErrorPage> {
    let Some((enrolment, set_up)) = in_progress(&state, &caller.session, &headers) else {
        return Ok(Redirect::to(TOTP).into_response());
    };
    let again = |text| {
        let shown = (StatusCode::UNPROCESSABLE_ENTITY, Some(text));
        totp_page(&state, &caller.session, Some(&set_up), shown)
    };
    let code = &form.fields.code;
    if code.expose_secret().trim().is_empty() {
        return Ok(again(NO_CODE));
    }
    let (auth, authorization) = (&state.auth, &caller.authorization);
    let confirmed = auth.confirm_totp_enrolment(authorization, &enrolment, code, &client);
    match confirmed.await {
        Ok(()) => {
            let response = Redirect::to(RECOVERY_CODES).into_response();
            let removal = set_cookie::remove_attempt(state.cookie_names());
            Ok(with_cookie(response, removal))
        }
        Err(error) if error.is_refused_as(ErrorReason::CodeRejected) => Ok(again(WRONG_CODE)),
        Err(error) if error.is_refused_as(ErrorReason::StepUpRequired) => {
            let operation = SensitiveOperation::on_factors(&state, TOTP, &client);
            Ok(operation.ask(&caller).await)
        }
        Err(error) => not_changed(error).map_err(|error| ServiceError::from(error).into()),
    }
}

/// The set-up in progress in this login, and its secret.
fn in_progress(
    state: &AppState,
    session: &AuthenticatedSession,
    headers: &HeaderMap,
) -> Option<(SecretString, TotpSetUp)> {
    let cookie = cookies::attempt(headers, state.cookie_names())?;
    let scope = AttemptScope::TotpSetUp(&session.record.sid);
    let steps = state.attempts.open(scope, cookie)?;
    match steps.factors.into_iter().next()? {
        AuthenticationFactor::EnrolTotp(set_up) => Some((steps.attempt, set_up)),
        _ => None,
    }
}

fn totp_page(
    state: &AppState,
    session: &AuthenticatedSession,
    set_up: Option<&TotpSetUp>,
    (status, error_text): (StatusCode, Option<&'static str>),
) -> Response {
    let template = TotpPage {
        csrf_token: session.csrf_token(state.csrf_tokens()),
        set_up: set_up.map(TotpSecretView::from),
        error_text,
    };
    page(status, &template)
}
