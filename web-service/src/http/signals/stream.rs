//! `/ssf/stream`: the configuration endpoint (SSF §8.1.1).

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use holdfast_client::{EventStream, EventStreamChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{
    api::problem::Problem,
    extract::{
        access_token::{ManageSignals, OwnToken, ReadSignals},
        json,
    },
    signals::configuration::{ReceiverProperties, StreamConfiguration, StreamProperties, invalid},
    state::AppState,
};

/// The stream that a request is about.
#[derive(Deserialize)]
pub(in crate::http) struct StreamQuery {
    stream_id: Option<String>,
}

/// The parameters of a request, if they can be read.
pub(in crate::http) type StreamParameters = Result<Query<StreamQuery>, QueryRejection>;

/// The stream that a request names, or all of them.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(example = json!([]))]
pub(in crate::http) enum ShownStreams {
    One(StreamConfiguration),
    All(Vec<StreamConfiguration>),
}

/// Creates the stream of an OAuth client, which has one at most. It has the events from now on.
#[utoipa::path(
    post,
    path = "/ssf/stream",
    tag = "signals",
    operation_id = "create_event_stream",
    request_body = ReceiverProperties,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The stream (SSF §8.1.1.1)", body = StreamConfiguration),
        (status = 409, description = "The OAuth client has a stream (`STREAM_EXISTS`)", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn create(
    State(state): State<AppState>,
    token: OwnToken<ManageSignals>,
    json::Json(properties): json::Json<ReceiverProperties>,
) -> Result<Response, Problem> {
    properties.check_delivery()?;
    let ReceiverProperties {
        events_requested,
        description,
        ..
    } = properties;
    let client_id = &token.claims.client_id;
    let created = state
        .auth
        .create_event_stream(client_id, events_requested, description);
    let created = created.await.map_err(Problem::for_credential)?;
    let created = configuration(&state, &token, created).await?;
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

/// Shows the stream with the identifier `stream_id`, or without one a list of the streams of the OAuth client.
#[utoipa::path(
    get,
    path = "/ssf/stream",
    tag = "signals",
    operation_id = "event_stream",
    params(("stream_id" = Option<String>, Query, description = "The stream; absent for a list of all")),
    security(("bearer" = [])),
    responses((status = 200, description = "The stream, or a list (SSF §8.1.1.2)", body = ShownStreams)),
)]
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    token: OwnToken<ReadSignals>,
    query: StreamParameters,
) -> Result<Json<ShownStreams>, Problem> {
    let Query(query) = query.map_err(unreadable)?;
    if let Some(stream_id) = query.stream_id {
        let found = find(&state, &token, &stream_id).await?;
        let found = configuration(&state, &token, found).await?;
        return Ok(Json(ShownStreams::One(found)));
    }
    let found = state.auth.event_stream(&token.claims.client_id).await;
    let streams = match found.map_err(Problem::for_credential)? {
        Some(stream) => vec![configuration(&state, &token, stream).await?],
        None => Vec::new(),
    };
    Ok(Json(ShownStreams::All(streams)))
}

/// Changes the members of a stream that the request has.
#[utoipa::path(
    patch,
    path = "/ssf/stream",
    tag = "signals",
    operation_id = "update_event_stream",
    request_body = StreamProperties,
    security(("bearer" = [])),
    responses((status = 200, description = "The stream (SSF §8.1.1.3)", body = StreamConfiguration)),
)]
pub(in crate::http) async fn update(
    State(state): State<AppState>,
    token: OwnToken<ManageSignals>,
    json::Json(properties): json::Json<StreamProperties>,
) -> Result<Json<StreamConfiguration>, Problem> {
    let change = EventStreamChange {
        requested: properties.receiver.events_requested.clone().map(Some),
        description: properties.receiver.description.clone(),
        status: None,
    };
    change_stream(&state, &token, (&properties, change)).await
}

/// Replaces the members of a stream: those that the request lacks are removed.
#[utoipa::path(
    put,
    path = "/ssf/stream",
    tag = "signals",
    operation_id = "replace_event_stream",
    request_body = StreamProperties,
    security(("bearer" = [])),
    responses((status = 200, description = "The stream (SSF §8.1.1.4)", body = StreamConfiguration)),
)]
pub(in crate::http) async fn replace(
    State(state): State<AppState>,
    token: OwnToken<ManageSignals>,
    json::Json(properties): json::Json<StreamProperties>,
) -> Result<Json<StreamConfiguration>, Problem> {
    let change = EventStreamChange {
        requested: Some(properties.receiver.events_requested.clone()),
        description: Some(properties.receiver.description.clone().unwrap_or_default()),
        status: None,
    };
    change_stream(&state, &token, (&properties, change)).await
}

/// Deletes a stream with its events.
#[utoipa::path(
    delete,
    path = "/ssf/stream",
    tag = "signals",
    operation_id = "delete_event_stream",
    params(("stream_id" = String, Query, description = "The stream")),
    security(("bearer" = [])),
    responses((status = 204, description = "There is no such stream any more (SSF §8.1.1.5)")),
)]
pub(in crate::http) async fn delete(
    State(state): State<AppState>,
    token: OwnToken<ManageSignals>,
    query: StreamParameters,
) -> Result<StatusCode, Problem> {
    let stream_id = stream_id(query)?;
    let deleted = state
        .auth
        .delete_event_stream(&token.claims.client_id, &stream_id);
    deleted.await.map_err(Problem::for_credential)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn change_stream(
    state: &AppState,
    token: &OwnToken<ManageSignals>,
    (properties, change): (&StreamProperties, EventStreamChange),
) -> Result<Json<StreamConfiguration>, Problem> {
    let stream_id = properties.stream_id()?;
    let current = find(state, token, stream_id).await?;
    properties.check_against(&configuration(state, token, current).await?)?;
    let client_id = &token.claims.client_id;
    let changed = state
        .auth
        .update_event_stream(client_id, stream_id, &change);
    let changed = changed.await.map_err(Problem::for_credential)?;
    Ok(Json(configuration(state, token, changed).await?))
}

/// The stream with this identifier, if it is that of the OAuth client.
pub(super) async fn find<S>(
    state: &AppState,
    token: &OwnToken<S>,
    stream_id: &str,
) -> Result<EventStream, Problem> {
    let found = state.auth.event_stream(&token.claims.client_id).await;
    let found = found.map_err(Problem::for_credential)?;
    let is_it = |stream: &EventStream| stream.id == stream_id;
    found.filter(is_it).ok_or_else(Problem::no_stream)
}

/// The identifier of the stream that the parameters name.
pub(super) fn stream_id(query: StreamParameters) -> Result<String, Problem> {
    let Query(query) = query.map_err(unreadable)?;
    query
        .stream_id
        .ok_or_else(|| invalid("stream_id is missing"))
}

async fn configuration<S>(
    state: &AppState,
    token: &OwnToken<S>,
    stream: EventStream,
) -> Result<StreamConfiguration, Problem> {
    let jwks = state.auth.jwks().await.map_err(Problem::for_credential)?;
    let parties = (&*jwks.issuer, &*token.claims.client_id);
    Ok(StreamConfiguration::of(stream, parties, &state.public_url))
}

fn unreadable(_: QueryRejection) -> Problem {
    invalid("the parameters cannot be read")
}
