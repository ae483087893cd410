//! `POST /ssf/verify`: the verification endpoint (SSF §8.1.4).

use axum::{extract::State, http::StatusCode};
use holdfast_client::AuthClient;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{
    api::problem::Problem,
    extract::{
        access_token::{ManageSignals, OwnToken},
        json,
    },
};

/// What is to be verified.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"stream_id": "0f0e8f6e-3b21-4d0f-9a77-1f0c2e6b4d55", "state": "VGhpcyBpcyBhbiBleGFtcGxlIHN0YXRlIHZhbHVlLgo="}))]
pub(in crate::http) struct VerificationRequest {
    stream_id: String,
    /// What the receiver wants to find in the event; at most 256 characters.
    state: Option<String>,
}

/// Adds a verification event to a stream, in place of an earlier one that was not acknowledged.
#[utoipa::path(
    post,
    path = "/ssf/verify",
    tag = "signals",
    operation_id = "verify_event_stream",
    request_body = VerificationRequest,
    security(("bearer" = [])),
    responses((status = 204, description = "The stream has the event (SSF §8.1.4.2)")),
)]
pub(in crate::http) async fn submit(
    State(auth): State<AuthClient>,
    token: OwnToken<ManageSignals>,
    json::Json(request): json::Json<VerificationRequest>,
) -> Result<StatusCode, Problem> {
    let state = request.state.as_deref().unwrap_or_default();
    let verified = auth.verify_event_stream(&token.claims.client_id, &request.stream_id, state);
    verified.await.map_err(Problem::for_credential)?;
    Ok(StatusCode::NO_CONTENT)
}
