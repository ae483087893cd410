//! `POST /api/session/reauthenticate`, and `/start` and `/continue` below it: reauthentication before a sensitive operation, in one request
//! or in steps.

use std::time::Duration;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use holdfast_client::{AuthenticationState, Reauthenticated, SufficientAuthentication};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        api::{
            problem::Problem,
            steps::{Continuation, NextStepsResponse},
        },
        extract::{caller::ApiSession, client::BrowserInfo, json::Json},
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    session::{
        authenticator::{AuthenticatedSession, SessionWithToken},
        sign_in::reauthenticate,
    },
};

/// The body of a reauthentication.
#[derive(Deserialize, ToSchema)]
#[schema(as = Proof, example = json!({"password": "correct horse battery staple"}))]
pub(in crate::http) struct Password {
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Authenticates the account's owner again by the password; the session continues under a new id, or one of the steps must follow.
#[utoipa::path(
    post,
    path = "/api/session/reauthenticate",
    tag = "session",
    operation_id = "reauthenticate",
    request_body = Password,
    security(("cookie" = [])),
    responses(
        (status = 204, description = "The session continues under a new id"),
        (status = 401, description = "There is no session, or the password is wrong; or, with the reason ADDITIONAL_FACTOR_REQUIRED, it is right and one of the steps has to follow", body = crate::http::api::problem::FactorRequired<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    ApiSession(session): ApiSession,
    BrowserInfo(client): BrowserInfo,
    Json(body): Json<Password>,
) -> Result<Response, Problem> {
    let caller = state.authenticator.access_token(session).await?;
    let (auth, authorization) = (&state.auth, &caller.authorization);
    let answer = reauthenticate(auth, authorization, &body.password, &client)
        .await
        .map_err(Problem::for_credential)?;
    renewed(&state, caller, answer).await
}

/// The body of a reauthentication that begins without a step.
#[derive(Deserialize, ToSchema)]
#[schema(as = ReauthenticationStart, example = json!({"max_age": 300, "acr": "phr"}))]
pub(in crate::http) struct Start {
    /// Age of an authentication that is recent enough, in seconds; absent if none is.
    max_age: Option<u32>,
    /// Required strength: `aal1`, `aal2` or `phr`; absent for any.
    acr: Option<String>,
}

/// Begins a reauthentication without a step, where the latest authentication is not sufficient.
#[utoipa::path(
    post,
    path = "/api/session/reauthenticate/start",
    tag = "session",
    operation_id = "start_reauthentication",
    request_body = Start,
    security(("cookie" = [])),
    responses(
        (status = 200, description = "The steps of which one is to be made", body = crate::http::api::steps::NextStepsResponse),
        (status = 204, description = "The latest authentication is sufficient"),
        (status = 409, description = "The account has no factor of the required strength", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn start(
    State(state): State<AppState>,
    ApiSession(session): ApiSession,
    BrowserInfo(client): BrowserInfo,
    Json(body): Json<Start>,
) -> Result<Response, Problem> {
    let caller = state.authenticator.access_token(session).await?;
    let max_age = body.max_age.map(u64::from).map(Duration::from_secs);
    let sufficient = SufficientAuthentication {
        max_age,
        acr: body.acr.as_deref(),
    };
    let (auth, authorization) = (&state.auth, &caller.authorization);
    let started = auth
        .start_reauthentication(authorization, sufficient, None, &client)
        .await
        .map_err(Problem::for_session)?;
    Ok(match started {
        AuthenticationState::Done(_) => StatusCode::NO_CONTENT.into_response(),
        AuthenticationState::Next(steps) => {
            axum::Json(NextStepsResponse::from(steps)).into_response()
        }
    })
}

/// Continues a reauthentication by one step; the session continues under a new id, or one of the steps must follow.
#[utoipa::path(
    post,
    path = "/api/session/reauthenticate/continue",
    tag = "session",
    operation_id = "continue_reauthentication",
    request_body = Continuation,
    security(("cookie" = [])),
    responses(
        (status = 204, description = "The session continues under a new id"),
        (status = 401, description = "There is no session, or the step is refused; with the reason ATTEMPT_INVALID, the reauthentication has to begin again; with the reason ADDITIONAL_FACTOR_REQUIRED, one of the steps has to follow", body = crate::http::api::problem::FactorRequired<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn proceed(
    State(state): State<AppState>,
    ApiSession(session): ApiSession,
    BrowserInfo(client): BrowserInfo,
    Json(next): Json<Continuation>,
) -> Result<Response, Problem> {
    let caller = state.authenticator.access_token(session).await?;
    let (auth, authorization) = (&state.auth, &caller.authorization);
    let step = next.step.as_step();
    let answer = auth
        .continue_reauthentication(authorization, &next.attempt, step, &client)
        .await
        .map_err(Problem::for_credential)?;
    renewed(&state, caller, answer).await
}

/// The session under its new id, where the reauthentication is complete.
async fn renewed(
    state: &AppState,
    caller: SessionWithToken,
    answer: AuthenticationState<Reauthenticated>,
) -> Result<Response, Problem> {
    let latest = match answer {
        AuthenticationState::Done(latest) => latest,
        AuthenticationState::Next(steps) => return Err(Problem::factor_required(steps)),
    };
    let renewed = state.authenticator.renew(caller.session, &latest).await?;
    let AuthenticatedSession { id, .. } = renewed;
    let cookie = set_cookie::set_session(state.cookie_names(), &id);
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), cookie))
}
