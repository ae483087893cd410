//! The responses to the steps of an authorization request.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{AuthorizationFlow, AuthorizationStep, ConsentQuestion};

use super::continue_address;
use crate::{
    http::{
        pages::{
            error::ErrorPage,
            relying_party_response::{self, Delivery},
            render::page,
            scope_text::ScopeText,
        },
        state::AppState,
    },
    request::{
        local_path::LocalPath,
        next_query::{encoded, page_with, with_parameter},
    },
    service_error::ServiceError,
    session::authenticator::AuthenticatedSession,
};

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    csrf_token: String,
    flow: &'a str,
    client_name: &'a str,
    destination: &'a str,
    publisher: Option<&'a str>,
    username: &'a str,
    scopes: Vec<ScopeText>,
    another_account: String,
}

/// The response to a step.
pub(super) fn answer(
    state: &AppState,
    session: Option<&AuthenticatedSession>,
    step: AuthorizationStep,
    delivery: Delivery,
) -> Result<Response, ErrorPage> {
    match step {
        AuthorizationStep::Redirect(redirect) => {
            Ok(relying_party_response::answer(&redirect, delivery)?)
        }
        AuthorizationStep::SignIn { flow, login_hint } => {
            let next = target(&flow)?;
            let page = if session.is_some() {
                sign_in_to_another(&next)
            } else {
                page_with("/login", Some(next.as_str()), false)
            };
            Ok(Redirect::to(&with_optional(page, "login_hint", login_hint)).into_response())
        }
        AuthorizationStep::Reauthenticate { flow, required_acr } => {
            let page = page_with("/account/confirm", Some(target(&flow)?.as_str()), false);
            Ok(Redirect::to(&with_optional(page, "acr", required_acr)).into_response())
        }
        AuthorizationStep::Consent(question) => {
            let session = session.ok_or(ServiceError::Internal)?;
            ask(state, session, &question)
        }
    }
}

fn ask(
    state: &AppState,
    session: &AuthenticatedSession,
    question: &ConsentQuestion,
) -> Result<Response, ErrorPage> {
    let template = ConsentPage {
        csrf_token: session.csrf_token(state.csrf_tokens()),
        flow: question.flow.as_str(),
        client_name: &question.client_name,
        destination: &question.destination,
        publisher: question.publisher.as_deref(),
        username: &question.username,
        scopes: ScopeText::of_list(&question.scope),
        another_account: sign_in_to_another(&target(&question.flow)?),
    };
    Ok(page(StatusCode::OK, &template))
}

/// The sign-in page, which shows its form although the browser is signed in.
fn sign_in_to_another(next: &LocalPath) -> String {
    let page = page_with("/login", Some(next.as_str()), false);
    format!("{page}&another")
}

fn with_optional(page: String, name: &str, value: Option<String>) -> String {
    match value {
        Some(value) => with_parameter(&page, name, &encoded(&value)),
        None => page,
    }
}

/// Where the sign-in or the reauthentication leads.
fn target(flow: &AuthorizationFlow) -> Result<LocalPath, ErrorPage> {
    let address = continue_address(flow.as_str());
    address
        .parse()
        .map_err(|_| ErrorPage::authorization_invalid("the request is too long"))
}
