//! `POST /api/login`, `/api/login/start` and `/api/login/continue`: sign-in of first-party API clients, in one request or in steps.

use axum::extract::State;
use holdfast_client::{
    AuthClient, AuthenticationState, AuthenticationStep, AuthorizationGrant, ClientInfo, Holder,
    Login, Person, RetryQueue, SignInOptions,
};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        api::{
            problem::Problem,
            steps::{Continuation, NextStepsResponse},
            tokens::TokenResponse,
        },
        dpop::Dpop,
        extract::{client::ApiClientInfo, json::Json},
    },
    service_error::ServiceError,
    session::sign_out::sign_out,
};

/// The body of a sign-in.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"username": "ada", "password": "correct horse battery staple"}))]
pub(in crate::http) struct Credentials {
    username: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Signs in with username and password, and returns tokens, or the steps that must follow.
#[utoipa::path(
    post,
    path = "/api/login",
    tag = "tokens",
    operation_id = "login",
    request_body = Credentials,
    responses(
        (status = 200, description = "Tokens of a new login", body = crate::http::api::tokens::TokenResponse),
        (status = 401, description = "The credential is invalid; or, with the reason ADDITIONAL_FACTOR_REQUIRED, it is valid and one of the steps has to follow", body = crate::http::api::problem::FactorRequired<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn submit(
    State(auth): State<AuthClient>,
    State(deferred): State<RetryQueue>,
    ApiClientInfo(client): ApiClientInfo,
    dpop: Dpop,
    Json(credentials): Json<Credentials>,
) -> Result<axum::Json<TokenResponse>, Problem> {
    let Credentials { username, password } = credentials;
    let step = Some(AuthenticationStep::Password(&password));
    let options = SignInOptions::default();
    let answer = auth
        .start_authentication(&username, step, options, &client)
        .await
        .map_err(Problem::for_credential)?;
    tokens(&auth, &deferred, answer, (&client, &dpop)).await
}

/// The body of a sign-in that begins without a step.
#[derive(Deserialize, ToSchema)]
#[schema(as = LoginStart, example = json!({"username": "ada"}))]
pub(in crate::http) struct Start {
    /// Empty for a passkey of any account.
    #[serde(default)]
    username: String,
}

/// Begins a sign-in without a step, which a passkey in place of the password needs. The steps are the same for every username.
#[utoipa::path(
    post,
    path = "/api/login/start",
    tag = "tokens",
    operation_id = "start_login",
    request_body = Start,
    responses((status = 200, description = "The steps of which one is to be made", body = crate::http::api::steps::NextStepsResponse)),
)]
pub(in crate::http) async fn start(
    State(auth): State<AuthClient>,
    ApiClientInfo(client): ApiClientInfo,
    Json(start): Json<Start>,
) -> Result<axum::Json<NextStepsResponse>, Problem> {
    let options = SignInOptions::default();
    let started = auth
        .start_authentication(&start.username, None, options, &client)
        .await
        .map_err(Problem::for_credential)?;
    match started {
        AuthenticationState::Next(steps) => Ok(axum::Json(steps.into())),
        // Nothing was presented.
        AuthenticationState::Done(_) => Err(ServiceError::Internal.into()),
    }
}

/// Continues a sign-in by one step, and returns tokens, or the steps that must follow.
#[utoipa::path(
    post,
    path = "/api/login/continue",
    tag = "tokens",
    operation_id = "continue_login",
    request_body = Continuation,
    responses(
        (status = 200, description = "Tokens of a new login", body = crate::http::api::tokens::TokenResponse),
        (status = 401, description = "The step is refused, and the attempt can go on; with the reason ATTEMPT_INVALID, it has to begin again; with the reason ADDITIONAL_FACTOR_REQUIRED, one of the steps has to follow", body = crate::http::api::problem::FactorRequired<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn proceed(
    State(auth): State<AuthClient>,
    State(deferred): State<RetryQueue>,
    ApiClientInfo(client): ApiClientInfo,
    dpop: Dpop,
    Json(next): Json<Continuation>,
) -> Result<axum::Json<TokenResponse>, Problem> {
    let options = SignInOptions::default();
    let answer = auth
        .continue_authentication(&next.attempt, next.step.as_step(), options, &client)
        .await
        .map_err(Problem::for_credential)?;
    tokens(&auth, &deferred, answer, (&client, &dpop)).await
}

/// The tokens of a sign-in that is complete.
async fn tokens(
    auth: &AuthClient,
    deferred: &RetryQueue,
    answer: AuthenticationState<(Person, Login)>,
    (client, dpop): (&ClientInfo, &Dpop),
) -> Result<axum::Json<TokenResponse>, Problem> {
    let login = match answer {
        AuthenticationState::Done((_, login)) => login,
        AuthenticationState::Next(steps) => return Err(Problem::factor_required(steps)),
    };
    let ticket = &login.ticket;
    let issued = auth
        .issue_token(
            AuthorizationGrant::LoginTicket(ticket),
            "",
            Holder::Program(client),
            dpop.proof(),
        )
        .await;
    match dpop.keep_nonce(issued) {
        Ok(tokens) => Ok(axum::Json(tokens.into())),
        // A login without tokens ends at once.
        Err(error) => {
            sign_out(auth, deferred, ticket, client).await;
            Err(Problem::for_credential(error))
        }
    }
}
