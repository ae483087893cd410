//! `GET /events/revocations`: the revocation stream for applications that verify access tokens offline, as server-sent events (HTML §9.2).

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response, Sse},
};
use futures_util::stream;
use holdfast_client::EventId;

use crate::http::{
    api::problem::Problem,
    events::EventStreams,
    extract::access_token::{OwnToken, ReadRevocations},
    pipeline::LongResponse,
};

/// Identifier of the last event that the receiver has.
const LAST_EVENT_ID: &str = "last-event-id";

/// In place of `no-cache`, which the library sets.
const NO_STORE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// Asks nginx to forward each event at once.
const NO_BUFFERING: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
);

/// Where a receiver continues: after the event that it names, or with a snapshot. An identifier that is invalid is that of another server, and
/// means a snapshot as well.
fn position(headers: &HeaderMap) -> EventId {
    let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    last.and_then(|id| id.parse().ok()).unwrap_or_default()
}

/// Streams every end of a login, a grant, a token, an OAuth client or a signing key. The access token needs the scope `revocations`, and has
/// to be an OAuth client's own.
///
/// Each event has a message in JSON as its data, one each second at least. The stream ends with the access token; a receiver continues it with
/// `Last-Event-ID`. Until the next message whose `current` is true it may lack something.
#[utoipa::path(
    get,
    path = "/events/revocations",
    tag = "events",
    operation_id = "revocation_events",
    params(("last-event-id" = Option<String>, Header, description = "Identifier of the last event that the receiver has")),
    security(("bearer" = [])),
    responses((status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream")),
)]
pub(in crate::http) async fn show(
    State(streams): State<EventStreams>,
    token: OwnToken<ReadRevocations>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let events = streams.open(position(&headers), token).await?;
    let events = stream::unfold(events, async |mut events| {
        events.next().await.map(|event| (event, events))
    });
    let mut response = Sse::new(events).into_response();
    for (name, value) in [NO_BUFFERING, NO_STORE] {
        response.headers_mut().insert(name, value);
    }
    response.extensions_mut().insert(LongResponse);
    Ok(response)
}
