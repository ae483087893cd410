//! `POST /api/login`

use std::sync::Arc;

use axum::extract::State;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{json::Json, problem::Problem, tokens::TokenAnswer};
use crate::{
    domain::auth::{Auth, ClientKind, Grant},
    http::client::Peer,
};

/// The body.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"username": "ada", "password": "correct horse battery staple"}))]
pub(in crate::http) struct Credentials {
    username: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Name and password for tokens.
#[utoipa::path(
    post,
    path = "/api/login",
    tag = "tokens",
    operation_id = "login",
    request_body = Credentials,
    responses((status = 200, description = "Tokens of a new login", body = super::tokens::TokenAnswer)),
)]
pub(in crate::http) async fn submit(
    State(auth): State<Arc<dyn Auth>>,
    peer: Peer,
    Json(credentials): Json<Credentials>,
) -> Result<axum::Json<TokenAnswer>, Problem> {
    let Credentials { username, password } = credentials;
    let client = peer.into_client(ClientKind::Api);
    let (_, login) = auth
        .login(&username, &password, &client)
        .await
        .map_err(Problem::for_credential)?;
    let tokens = auth
        .issue_token(Grant::LoginTicket(&login.ticket), "", ClientKind::Api)
        .await
        .map_err(Problem::for_credential)?;
    Ok(tokens.into())
}
