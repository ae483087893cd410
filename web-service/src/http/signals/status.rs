//! `/ssf/status`: the status endpoint (SSF §8.1.2).

use axum::{Json, extract::State};
use holdfast_client::{EventStream, EventStreamChange, StreamStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{
    api::problem::Problem,
    extract::{
        access_token::{ManageSignals, OwnToken, ReadSignals},
        json,
    },
    signals::stream::{self, StreamParameters},
    state::AppState,
};

/// Whether the events of a stream are sent.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(example = "enabled")]
enum Status {
    /// They are sent.
    Enabled,
    /// They are held.
    Paused,
    /// They are neither sent nor held.
    Disabled,
}

/// The status of a stream (SSF §8.1.2.1).
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"stream_id": "0f0e8f6e-3b21-4d0f-9a77-1f0c2e6b4d55", "status": "paused", "reason": "maintenance"}))]
pub(in crate::http) struct StatusOfStream {
    stream_id: String,
    status: Status,
    /// Why, as the receiver put it; at most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    reason: Option<String>,
}

impl From<EventStream> for StatusOfStream {
    fn from(stream: EventStream) -> Self {
        Self {
            stream_id: stream.id,
            status: match stream.status {
                StreamStatus::Enabled => Status::Enabled,
                StreamStatus::Paused => Status::Paused,
                StreamStatus::Disabled => Status::Disabled,
            },
            reason: stream.reason,
        }
    }
}

/// Shows whether the events of a stream are sent.
#[utoipa::path(
    get,
    path = "/ssf/status",
    tag = "signals",
    operation_id = "event_stream_status",
    params(("stream_id" = String, Query, description = "The stream")),
    security(("bearer" = [])),
    responses((status = 200, description = "The status (SSF §8.1.2.1)", body = StatusOfStream)),
)]
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    token: OwnToken<ReadSignals>,
    query: StreamParameters,
) -> Result<Json<StatusOfStream>, Problem> {
    let stream_id = stream::stream_id(query)?;
    let found = stream::find(&state, &token, &stream_id).await?;
    Ok(Json(found.into()))
}

/// Changes the status of a stream. One that is paused holds its events, for seven days; one that is disabled loses them.
#[utoipa::path(
    post,
    path = "/ssf/status",
    tag = "signals",
    operation_id = "update_event_stream_status",
    request_body = StatusOfStream,
    security(("bearer" = [])),
    responses((status = 200, description = "The status (SSF §8.1.2.2)", body = StatusOfStream)),
)]
pub(in crate::http) async fn update(
    State(state): State<AppState>,
    token: OwnToken<ManageSignals>,
    json::Json(new): json::Json<StatusOfStream>,
) -> Result<Json<StatusOfStream>, Problem> {
    let status = match new.status {
        Status::Enabled => StreamStatus::Enabled,
        Status::Paused => StreamStatus::Paused,
        Status::Disabled => StreamStatus::Disabled,
    };
    let change = EventStreamChange {
        status: Some((status, new.reason.unwrap_or_default())),
        ..EventStreamChange::default()
    };
    let client_id = &token.claims.client_id;
    let changed = state
        .auth
        .update_event_stream(client_id, &new.stream_id, &change);
    let changed = changed.await.map_err(Problem::for_credential)?;
    Ok(Json(changed.into()))
}
