//! `GET`, `POST /login/factor`: the second factor of a sign-in, or its set-up.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{ErrorReason, NextSteps};
use serde::Deserialize;

use super::{
    attempt::{BrowserSignIn, SignInFailure},
    destination, form_nonce,
};
use crate::{
    http::{
        extract::{form::SentForm, peer::PeerAddress},
        headers,
        pages::{
            error::ErrorPage,
            factor_form::{FactorFields, FactorForms, FactorKind},
            form_error::FormError,
            render::page,
        },
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    request::{cookies, local_path::LocalPath, next_query},
    session::codec::attempt_cookie::AttemptScope,
};

const NO_CODE: &str = "Please type the code.";

#[derive(Template)]
#[template(path = "login_factor.html")]
struct FactorPage {
    csrf_token: String,
    forms: FactorForms,
    /// `None`: the forms are sent to the address of the page.
    action: Option<&'static str>,
    start_again: String,
    error_text: Option<String>,
}

/// The query: the address to continue at after the sign-in.
#[derive(Default, Deserialize)]
pub(in crate::http) struct FactorQuery {
    #[serde(default)]
    next: String,
}

/// The fields of the forms.
#[derive(Deserialize)]
pub(in crate::http) struct FactorForm {
    #[serde(flatten)]
    presented: FactorFields,
    /// Present where the browser is to be trusted.
    trust: Option<String>,
}

/// Shows what the sign-in of this browser needs next. Without one in progress, redirects to the first page.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    query: Result<Query<FactorQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let target = target(query);
    let nonce = cookies::login_nonce(&headers, state.cookie_names(), state.csrf_tokens());
    let attempt = nonce.and_then(|nonce| Attempt::of(&state, &headers, nonce));
    match attempt {
        Some(attempt) => attempt.page(&state, &target, (StatusCode::OK, None)),
        None => Redirect::to(&first_page(&target, "")).into_response(),
    }
}

/// Verifies the factor, and completes the sign-in where it is the last.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    query: Result<Query<FactorQuery>, QueryRejection>,
    PeerAddress(peer): PeerAddress,
    headers: HeaderMap,
    form: SentForm<FactorForm>,
) -> Result<Response, ErrorPage> {
    let target = target(query);
    let nonce = form_nonce(&state, &headers, &form);
    let attempt = nonce.and_then(|nonce| Attempt::of(&state, &headers, nonce));
    let Some(attempt) = attempt else {
        return Ok(expired(&state, &target));
    };
    let FactorForm { presented, trust } = form.fields;
    let Some((kind, step)) = presented.step() else {
        let error = (StatusCode::UNPROCESSABLE_ENTITY, Some(NO_CODE.to_owned()));
        return Ok(attempt.page(&state, &target, error));
    };
    let request = state.requests.read(&headers, peer);
    let sign_in = BrowserSignIn::new(&state, &headers, &request, attempt.nonce);
    let secret = &attempt.steps.attempt;
    let is_recovery = FactorForms::of(&attempt.steps).is_replacement();
    let done = match sign_in.proceed(secret, step, trust.is_some()).await {
        Ok(answer) => {
            let target = after((kind, is_recovery), &target);
            sign_in.answer(answer, &target).await
        }
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(response) => Ok(response),
        Err(SignInFailure::Failed(error)) => Err(error.into()),
        Err(SignInFailure::Refused(error)) if error.is_refused_as(ErrorReason::AttemptInvalid) => {
            Ok(expired(&state, &target))
        }
        Err(SignInFailure::Refused(error)) => {
            let error = FormError::of_sign_in(error, kind.presented())?;
            Ok(error.shown(|shown| attempt.page(&state, &target, shown)))
        }
    }
}

/// Where the sign-in leads: by way of the recovery codes after a set-up, and of what is left of them after the use of one.
fn after((kind, is_recovery): (FactorKind, bool), target: &LocalPath) -> LocalPath {
    let page = match kind {
        FactorKind::Totp | FactorKind::Passkey => return target.clone(),
        FactorKind::EnrolPasskey if is_recovery => "/account/security",
        FactorKind::RecoveryCode => "/account/security",
        FactorKind::EnrolTotp | FactorKind::EnrolPasskey => "/account/recovery-codes",
    };
    let page = next_query::page_with(page, Some(target.as_str()), false);
    page.parse().unwrap_or_else(|_| target.clone())
}

/// A sign-in of this browser that is in progress.
struct Attempt {
    nonce: [u8; 16],
    steps: NextSteps,
}

impl Attempt {
    fn of(state: &AppState, headers: &HeaderMap, nonce: [u8; 16]) -> Option<Self> {
        let cookie = cookies::attempt(headers, state.cookie_names())?;
        let steps = state.attempts.open(AttemptScope::SignIn(&nonce), cookie)?;
        Some(Self { nonce, steps })
    }

    fn page(
        &self,
        state: &AppState,
        target: &LocalPath,
        (status, error_text): (StatusCode, Option<String>),
    ) -> Response {
        let forms = FactorForms::of(&self.steps);
        let has_script = forms.has_script();
        let template = FactorPage {
            csrf_token: state.csrf_tokens().anonymous_token(&self.nonce),
            forms,
            action: None,
            start_again: first_page(target, ""),
            error_text,
        };
        let response = page(status, &template);
        if has_script {
            headers::with_script(response)
        } else {
            response
        }
    }
}

fn target(query: Result<Query<FactorQuery>, QueryRejection>) -> LocalPath {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    destination(&query.next)
}

/// A redirect to the first page, which says why.
fn expired(state: &AppState, target: &LocalPath) -> Response {
    let redirect = Redirect::to(&first_page(target, "&expired")).into_response();
    with_cookie(redirect, set_cookie::remove_attempt(state.cookie_names()))
}

fn first_page(target: &LocalPath, further: &str) -> String {
    let next = next_query::encoded(target.as_str());
    format!("/login?next={next}{further}")
}
