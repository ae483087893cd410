//! `GET /events/revocations`: the revocation stream for applications that verify access tokens offline, as server-sent events (HTML §9.2).

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderMap, HeaderName, HeaderValue, request::Parts},
    response::{IntoResponse as _, Response, Sse},
};
use futures_util::stream;
use holdfast_client::EventId;

use crate::{
    http::{
        api::problem::Problem,
        events::stream::{EventStreams, OpenError},
        extract::access_token::RevocationsClaims,
        pipeline::LongResponse,
    },
    service_error::ServiceError,
};

/// Time after which a receiver may open a stream where too many are open.
const RETRY: Duration = Duration::from_secs(5);

/// Identifier of the last event that the receiver has.
const LAST_EVENT_ID: &str = "last-event-id";

/// Asks nginx to forward each event at once.
const NO_BUFFERING: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
);

/// Where a receiver continues: after the event that it names, or with a snapshot.
pub(in crate::http) struct Position(EventId);

impl<S: Send + Sync> FromRequestParts<S> for Position {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // One that is invalid is that of another server, and means a snapshot as well.
        Ok(Self(last_event_id(&parts.headers).unwrap_or_default()))
    }
}

fn last_event_id(headers: &HeaderMap) -> Option<EventId> {
    headers.get(LAST_EVENT_ID)?.to_str().ok()?.parse().ok()
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
    RevocationsClaims(token): RevocationsClaims,
    Position(position): Position,
) -> Result<Response, Problem> {
    let opened = streams.open(position, token).await;
    let events = opened.map_err(|error| match error {
        OpenError::Limit => ServiceError::Throttled { retry_after: RETRY }.into(),
        OpenError::Auth(error) => Problem::for_credential(error),
    })?;
    let events = stream::unfold(events, async |mut events| {
        events.recv().await.map(|event| (event, events))
    });
    let mut response = Sse::new(events).into_response();
    response.headers_mut().extend([NO_BUFFERING]);
    response.extensions_mut().insert(LongResponse);
    Ok(response)
}
