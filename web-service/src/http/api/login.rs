//! `POST /api/login`: sign-in of first-party API clients.

use axum::extract::State;
use holdfast_client::{AuthClient, AuthorizationGrant, Holder, RetryQueue};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        api::{problem::Problem, tokens::TokenResponse},
        dpop::Dpop,
        extract::{client::ApiClientInfo, json::Json},
    },
    session::{sign_in::authenticate, sign_out::sign_out},
};

/// The body of a sign-in.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"username": "ada", "password": "correct horse battery staple"}))]
pub(in crate::http) struct Credentials {
    username: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Signs in with username and password, and returns tokens.
#[utoipa::path(
    post,
    path = "/api/login",
    tag = "tokens",
    operation_id = "login",
    request_body = Credentials,
    responses((status = 200, description = "Tokens of a new login", body = crate::http::api::tokens::TokenResponse)),
)]
pub(in crate::http) async fn submit(
    State(auth): State<AuthClient>,
    State(deferred_sign_out): State<RetryQueue>,
    ApiClientInfo(client): ApiClientInfo,
    dpop: Dpop,
    Json(credentials): Json<Credentials>,
) -> Result<axum::Json<TokenResponse>, Problem> {
    let Credentials { username, password } = credentials;
    let signed_in = authenticate(&auth, (&username, &password), None, &client).await;
    let (_, login) = signed_in.map_err(Problem::for_credential)?;
    let ticket = &login.ticket;
    let issued = auth
        .issue_token(
            AuthorizationGrant::LoginTicket(ticket),
            "",
            Holder::Program(&client),
            dpop.proof(),
        )
        .await;
    match dpop.keep_nonce(issued) {
        Ok(tokens) => Ok(axum::Json(tokens.into())),
        // A login without tokens ends at once.
        Err(error) => {
            sign_out(&auth, &deferred_sign_out, ticket, &client).await;
            Err(Problem::for_credential(error))
        }
    }
}
