//! `POST /api/login`

use std::sync::Arc;

use axum::extract::State;
use secrecy::SecretString;
use serde::Deserialize;

use super::{json::Json, problem::Problem, tokens::TokenAnswer};
use crate::{
    domain::auth::{Auth, ClientKind, Grant},
    http::client::Peer,
};

/// The body.
#[derive(Deserialize)]
pub(in crate::http) struct Credentials {
    username: String,
    password: SecretString,
}

/// Name and password for tokens.
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
