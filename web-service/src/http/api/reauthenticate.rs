//! `POST /api/session/reauthenticate`

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use holdfast_client::auth::ClientKind;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{
    api::{caller::ApiBrowser, json::Json, problem::Problem},
    cookies::{self, with_cookie},
    request_source::Peer,
    signed_in::renew,
    state::AppState,
};

/// The body.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"password": "correct horse battery staple"}))]
pub(in crate::http) struct Proof {
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// The person proves again who they are; the session goes on under a new id.
#[utoipa::path(
    post,
    path = "/api/session/reauthenticate",
    tag = "session",
    operation_id = "reauthenticate",
    request_body = Proof,
    security(("cookie" = [])),
    responses((status = 204, description = "The session goes on under a new id")),
)]
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    ApiBrowser(browser): ApiBrowser,
    peer: Peer,
    Json(proof): Json<Proof>,
) -> Result<Response, Problem> {
    let client = peer.into_client(ClientKind::Browser);
    let actor = browser.act(&state).await?;
    let at = state
        .auth
        .reauthenticate(&actor.authorization, &proof.password, &client)
        .await
        .map_err(Problem::for_credential)?;
    let browser = renew(&state, actor.browser, at).await?;
    let cookie = cookies::set_session(&state.cookie_names, &browser.id);
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), cookie))
}
