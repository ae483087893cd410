//! `GET`, `POST /oauth2/authorize`, `GET /oauth2/authorize/continue` and `POST /oauth2/authorize/consent`: authorization requests of relying
//! parties (RFC 6749 §3.1, OpenID Connect Core 1.0 §3.1.2), from their start to their response.

mod step;

use axum::{
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::Uri,
    response::{Redirect, Response},
};
use holdfast_client::{AuthError, AuthorizationStep, ConsentDecision, ErrorReason};
use secrecy::SecretString;
use serde::Deserialize;
use url::form_urlencoded;

use crate::{
    http::{
        extract::{
            form::{PlainForm, SentForm, log_rejection},
            session::OptionalPageSession,
        },
        oauth::paths,
        pages::{error::ErrorPage, relying_party_response::Delivery},
        state::AppState,
    },
    request::next_query,
    service_error::ServiceError,
    session::{authenticator::AuthenticatedSession, csrf_token::CsrfScope},
};

/// Longest query that a form of a relying party becomes, in bytes, so that the head of the next request stays below its limit.
const MAX_QUERY: usize = 8 * 1024;

/// The query of the page that continues a flow.
#[derive(Default, Deserialize)]
pub(in crate::http) struct ContinueQuery {
    #[serde(default)]
    flow: String,
}

/// The fields of the form of the question for consent.
#[derive(Deserialize)]
pub(in crate::http) struct ConsentForm {
    flow: String,
    decision: Decision,
}

/// The button that was pressed.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Allow,
    Deny,
}

impl From<Decision> for ConsentDecision {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Allow => Self::Allow,
            Decision::Deny => Self::Deny,
        }
    }
}

/// Starts an authorization request.
pub(in crate::http) async fn start(
    State(state): State<AppState>,
    OptionalPageSession(session): OptionalPageSession,
    uri: Uri,
) -> Result<Response, ErrorPage> {
    let query = uri.query().unwrap_or_default();
    let parameters: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let token = refresh_token(session.as_ref());
    let step = state.auth.start_authorization(&parameters, token).await;
    answer(&state, session.as_ref(), step, Delivery::Redirect)
}

/// Redirects a form of a relying party to the same request by `GET`, which has the session cookie (`SameSite=Lax`).
pub(in crate::http) async fn start_by_form(
    form: Result<PlainForm, FormRejection>,
) -> Result<Redirect, ErrorPage> {
    by_query(paths::AUTHORIZE, form)
}

/// Continues after a sign-in or a reauthentication.
pub(in crate::http) async fn proceed(
    State(state): State<AppState>,
    OptionalPageSession(session): OptionalPageSession,
    query: Result<Query<ContinueQuery>, QueryRejection>,
) -> Result<Response, ErrorPage> {
    // No flow is answered as one that is invalid.
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let (flow, token) = (query.flow.into(), refresh_token(session.as_ref()));
    let step = state.auth.continue_authorization(&flow, token, None).await;
    answer(&state, session.as_ref(), step, Delivery::Page)
}

/// Continues after the question for consent. Where the session has ended, the person signs in, and is asked again.
pub(in crate::http) async fn decide(
    State(state): State<AppState>,
    OptionalPageSession(session): OptionalPageSession,
    uri: Uri,
    form: SentForm<ConsentForm>,
) -> Result<Response, ErrorPage> {
    let is_genuine = |session: &AuthenticatedSession| {
        form.has_token_of(CsrfScope::Session(&session.id), state.csrf_tokens())
    };
    if !session.as_ref().is_none_or(is_genuine) {
        log_rejection();
        let page = continue_address(&form.fields.flow);
        return Err(ErrorPage::form_of_page_out_of_date(&uri, page));
    }
    let ConsentForm { flow, decision } = form.fields;
    let decision = session.is_some().then(|| decision.into());
    let (flow, token) = (flow.into(), refresh_token(session.as_ref()));
    let step = state.auth.continue_authorization(&flow, token, decision);
    answer(&state, session.as_ref(), step.await, Delivery::Page)
}

fn refresh_token(session: Option<&AuthenticatedSession>) -> Option<&SecretString> {
    session.map(|session| &session.record.refresh_token)
}

fn answer(
    state: &AppState,
    session: Option<&AuthenticatedSession>,
    step: Result<AuthorizationStep, AuthError>,
    delivery: Delivery,
) -> Result<Response, ErrorPage> {
    step::answer(state, session, step.map_err(failed)?, delivery)
}

/// The page of an error that the relying party cannot be sent.
pub(super) fn failed(error: AuthError) -> ErrorPage {
    match error {
        AuthError::Refused(refusal) if refusal.reason == ErrorReason::AuthorizationInvalid => {
            ErrorPage::authorization_invalid(&refusal.message)
        }
        error => ServiceError::from(error).into(),
    }
}

/// A redirect to `path` with the fields of a form in the query.
pub(super) fn by_query(
    path: &str,
    form: Result<PlainForm, FormRejection>,
) -> Result<Redirect, ErrorPage> {
    let PlainForm(fields) =
        form.map_err(|rejection| ErrorPage::unreadable_form(rejection.status()))?;
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    if query.len() > MAX_QUERY {
        return Err(ErrorPage::authorization_invalid("the request is too long"));
    }
    Ok(Redirect::to(&format!("{path}?{query}")))
}

/// The address at which a flow is continued.
fn continue_address(flow: &str) -> String {
    format!("{}?flow={}", paths::CONTINUE, next_query::encoded(flow))
}
