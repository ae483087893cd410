//! The configuration of a stream, as requests and responses have it (SSF §8.1.1).

use axum::http::StatusCode;
use holdfast_client::EventStream;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    config::PublicUrl,
    http::{api::problem::Problem, signals::paths},
};

/// The only delivery method: the receiver polls (RFC 8936).
pub(super) const POLL: &str = "urn:ietf:rfc:8936";

/// The configuration of a stream.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"stream_id": "0f0e8f6e-3b21-4d0f-9a77-1f0c2e6b4d55", "iss": "https://id.example", "aud": "receiver", "delivery": {"method": "urn:ietf:rfc:8936", "endpoint_url": "https://id.example/ssf/poll/0f0e8f6e-3b21-4d0f-9a77-1f0c2e6b4d55"}, "events_supported": ["https://schemas.openid.net/secevent/caep/event-type/session-revoked"], "events_delivered": ["https://schemas.openid.net/secevent/caep/event-type/session-revoked"]}))]
pub(in crate::http) struct StreamConfiguration {
    stream_id: String,
    /// `iss` of the events.
    iss: String,
    /// `aud` of the events: the OAuth client.
    aud: String,
    delivery: Delivery,
    /// Event types that exist.
    events_supported: Vec<String>,
    /// Event types that the receiver requested; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>, required = false)]
    events_requested: Option<Vec<String>>,
    /// Event types that the stream has.
    events_delivered: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    description: Option<String>,
}

/// How events are delivered (SSF §6.1).
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"method": "urn:ietf:rfc:8936", "endpoint_url": "https://id.example/ssf/poll/0f0e8f6e-3b21-4d0f-9a77-1f0c2e6b4d55"}))]
pub(in crate::http) struct Delivery {
    /// `urn:ietf:rfc:8936`.
    method: String,
    /// Where the events are polled; named by this service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    endpoint_url: Option<String>,
}

/// What a receiver decides about its stream.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"events_requested": ["https://schemas.openid.net/secevent/caep/event-type/session-revoked"], "description": "Orders"}))]
pub(in crate::http) struct ReceiverProperties {
    /// URIs of event types; absent for all that there are.
    pub(super) events_requested: Option<Vec<String>>,
    /// At most 256 characters.
    pub(super) description: Option<String>,
    pub(super) delivery: Option<Delivery>,
}

/// A change of a stream. Where it has members that this service gives, they have to be right.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"stream_id": "0f0e8f6e-3b21-4d0f-9a77-1f0c2e6b4d55", "events_requested": ["https://schemas.openid.net/secevent/caep/event-type/session-revoked"], "description": "Orders"}))]
pub(in crate::http) struct StreamProperties {
    stream_id: Option<String>,
    #[serde(flatten)]
    pub(super) receiver: ReceiverProperties,
    /// The other members.
    #[serde(flatten)]
    #[schema(ignore)]
    others: Map<String, Value>,
}

impl StreamConfiguration {
    /// The configuration of the stream of this OAuth client.
    pub(super) fn of(
        stream: EventStream,
        (issuer, client_id): (&str, &str),
        public_url: &PublicUrl,
    ) -> Self {
        Self {
            iss: issuer.to_owned(),
            aud: client_id.to_owned(),
            delivery: Delivery {
                method: POLL.to_owned(),
                endpoint_url: Some(paths::poll(public_url, &stream.id)),
            },
            stream_id: stream.id,
            events_supported: stream.supported,
            events_requested: stream.requested,
            events_delivered: stream.delivered,
            description: stream.description,
        }
    }
}

impl ReceiverProperties {
    /// Refuses a delivery method that is not supported.
    pub(super) fn check_delivery(&self) -> Result<(), Problem> {
        match &self.delivery {
            Some(delivery) if delivery.method != POLL => Err(invalid(&format!(
                "the only delivery method is {POLL}; the receiver polls"
            ))),
            _ => Ok(()),
        }
    }
}

impl StreamProperties {
    /// Refuses members that this service gives, and that are others (SSF §8.1.1.3).
    pub(super) fn check_against(&self, current: &StreamConfiguration) -> Result<(), Problem> {
        self.receiver.check_delivery()?;
        let delivery = &self.receiver.delivery;
        let endpoint = delivery.as_ref().and_then(|it| it.endpoint_url.as_ref());
        if endpoint.is_some() && endpoint != current.delivery.endpoint_url.as_ref() {
            return Err(invalid(
                "endpoint_url of delivery is not that of the stream",
            ));
        }
        let uris = |uris: &[String]| Value::from(uris.to_vec());
        let is_other =
            |name: &str, value: Value| self.others.get(name).is_some_and(|it| *it != value);
        for (name, value) in [
            ("iss", Value::from(&*current.iss)),
            ("aud", Value::from(&*current.aud)),
            ("events_supported", uris(&current.events_supported)),
            ("events_delivered", uris(&current.events_delivered)),
        ] {
            if is_other(name, value) {
                return Err(invalid(&format!("{name} is not that of the stream")));
            }
        }
        Ok(())
    }

    /// The stream that the request is about.
    pub(super) fn stream_id(&self) -> Result<&str, Problem> {
        self.stream_id
            .as_deref()
            .ok_or_else(|| invalid("stream_id is missing"))
    }
}

pub(super) fn invalid(detail: &str) -> Problem {
    Problem::invalid(StatusCode::BAD_REQUEST, detail)
}
