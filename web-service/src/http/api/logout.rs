//! `POST /api/logout`

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use super::{bearer::Bearer, problem::Problem};
use crate::{
    domain::auth::{Auth, ClientKind},
    http::client::Peer,
};

/// Ends the whole login that the access token belongs to.
#[utoipa::path(
    post,
    path = "/api/logout",
    tag = "tokens",
    operation_id = "logout",
    security(("bearer" = [])),
    responses((status = 204, description = "The whole login has ended")),
)]
pub(in crate::http) async fn submit(
    State(auth): State<Arc<dyn Auth>>,
    bearer: Bearer,
    peer: Peer,
) -> Result<StatusCode, Problem> {
    let client = peer.into_client(ClientKind::Api);
    auth.end_login(bearer.token(), &client)
        .await
        .map_err(|error| Problem::for_token(error, bearer.scheme))?;
    Ok(StatusCode::NO_CONTENT)
}
