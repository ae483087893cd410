//! `POST /ssf/poll/{stream_id}`: the events of a stream (RFC 8936).

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
};
use holdfast_client::{AuthClient, PolledEvents};
use holdfast_core::rate_limited_log::LogRateLimiter;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

use crate::http::{
    api::problem::Problem,
    events::{Receiver, Receivers},
    extract::{
        access_token::{OwnToken, ReadSignals},
        json,
    },
    signals::configuration::invalid,
};

static REFUSALS: LogRateLimiter = LogRateLimiter::new("signals.event_refused");

/// How long a poll waits for an event. It is less than the deadline of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two looks at the events of a stream.
const INTERVAL: Duration = Duration::from_millis(500);
/// Events of a response where the receiver does not say how many.
const MAX_EVENTS: u32 = 50;
/// Acknowledged and refused events of one request. A `jti` has some 40 characters, and a body 64 KiB.
const MAX_SETTLED: usize = 1000;
/// Longest part of what a receiver says that the log has, in characters.
const MAX_LOGGED: usize = 64;

/// Answers receivers that poll. Clones share the limit of receivers that wait.
#[derive(Clone)]
pub struct EventPolls {
    auth: AuthClient,
    receivers: Receivers,
}

/// What a receiver polls (RFC 8936 §2.2).
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"ack": ["0f0e8f6e-3b21-4d0f-9a77-1f0c2e6b4d55.17"], "maxEvents": 10, "returnImmediately": false}))]
pub(in crate::http) struct PollRequest {
    /// Greatest number of events in the response; 0 to acknowledge only. There are never more than 50.
    max_events: Option<u32>,
    /// Whether the response comes at once where there is no event. Otherwise it comes with the first one, or after ten seconds.
    #[serde(default)]
    return_immediately: bool,
    /// `jti` of the events that the receiver has processed.
    #[serde(default)]
    ack: Vec<String>,
    /// `jti` of the events that the receiver refuses, and why. They are not sent again.
    #[serde(default)]
    set_errs: BTreeMap<String, SetError>,
}

/// Why a receiver refuses an event (RFC 8936 §2.6).
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"err": "authentication_failed", "description": "The SET could not be authenticated"}))]
struct SetError {
    err: String,
    description: Option<String>,
}

/// The next events (RFC 8936 §2.3).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"sets": {"0f0e8f6e-3b21-4d0f-9a77-1f0c2e6b4d55.18": "eyJ0eXAiOiJzZWNldmVudCtqd3Qi…"}, "moreAvailable": false}))]
pub(in crate::http) struct PollResponse {
    /// The Security Event Tokens by their `jti`.
    sets: BTreeMap<String, String>,
    /// Whether there are others.
    more_available: bool,
}

impl From<PolledEvents> for PollResponse {
    fn from(polled: PolledEvents) -> Self {
        Self {
            sets: polled.events.into_iter().collect(),
            more_available: polled.has_more,
        }
    }
}

/// Returns the next events of a stream, and acknowledges earlier ones. Each event is returned until it is acknowledged, for seven days.
#[utoipa::path(
    post,
    path = "/ssf/poll/{stream_id}",
    tag = "signals",
    operation_id = "poll_events",
    params(("stream_id" = String, Path, description = "The stream")),
    request_body = PollRequest,
    security(("bearer" = [])),
    responses((status = 200, description = "The events (RFC 8936 §2.3)", body = PollResponse)),
)]
pub(in crate::http) async fn submit(
    State(polls): State<EventPolls>,
    Path(stream_id): Path<String>,
    token: OwnToken<ReadSignals>,
    json::Json(request): json::Json<PollRequest>,
) -> Result<Json<PollResponse>, Problem> {
    let polled = polls.poll(token, &stream_id, request).await?;
    Ok(Json(polled.into()))
}

impl EventPolls {
    /// Answers no receiver yet.
    #[must_use]
    pub const fn new(auth: AuthClient, receivers: Receivers) -> Self {
        Self { auth, receivers }
    }

    async fn poll(
        &self,
        token: OwnToken<ReadSignals>,
        stream_id: &str,
        request: PollRequest,
    ) -> Result<PolledEvents, Problem> {
        let client_id = token.claims.client_id.clone();
        let stream = (&*client_id, stream_id);
        let Receiver {
            slot: _slot,
            token,
            closing,
        } = self.receivers.admit(token)?;
        let max_events = request.max_events.unwrap_or(MAX_EVENTS);
        let waits = max_events > 0 && !request.return_immediately;
        let mut settled = settle(stream, request)?;
        let begun = Instant::now();
        loop {
            let polled = self.auth.poll_events(stream, &settled, max_events).await;
            let polled = polled.map_err(Problem::for_credential)?;
            let is_over = begun.elapsed() >= PATIENCE || closing.is_cancelled();
            if !polled.events.is_empty() || !waits || is_over {
                return Ok(polled);
            }
            settled.clear();
            closing.run_until_cancelled(sleep(INTERVAL)).await;
            if !token.is_valid() {
                // The answer to the next request says why.
                return Ok(polled);
            }
        }
    }
}

/// The `jti` of the events that are not sent again. Those that the receiver refuses are logged.
fn settle((client_id, _): (&str, &str), request: PollRequest) -> Result<Vec<String>, Problem> {
    let PollRequest { ack, set_errs, .. } = request;
    if ack.len() + set_errs.len() > MAX_SETTLED {
        let detail = format!("ack and setErrs have more than {MAX_SETTLED} events together");
        return Err(invalid(&detail));
    }
    if let Some((jti, error)) = set_errs.first_key_value() {
        let start = |text: &str| text.chars().take(MAX_LOGGED).collect::<String>();
        let description = error.description.as_deref().unwrap_or_default();
        REFUSALS.log(|requests| {
            tracing::warn!(
                event = "signals.event_refused",
                client_id,
                jti = ?start(jti),
                error = ?start(&error.err),
                description = ?start(description),
                requests,
                "a receiver refused a security event; it is not sent again"
            );
        });
    }
    Ok(ack.into_iter().chain(set_errs.into_keys()).collect())
}
