//! The event streams of OAuth clients (OpenID Shared Signals Framework 1.0).

use auth_proto::v1::{
    self, CreateStreamRequest, DeleteStreamRequest, GetStreamRequest, PollEventsRequest,
    UpdateStreamRequest, VerifyStreamRequest, signal_service_client::SignalServiceClient,
};

use crate::{
    auth_client::AuthClient,
    error::AuthError,
    transport::response::non_empty,
    transport::retry_policy::{CHANGE, READ},
};

/// Whether the events of a stream are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamStatus {
    /// They are sent.
    Enabled,
    /// They are held.
    Paused,
    /// They are neither sent nor held.
    Disabled,
}

/// The event stream of an OAuth client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventStream {
    /// Its identifier.
    pub id: String,
    /// Whether its events are sent.
    pub status: StreamStatus,
    /// Why it has this status, as its receiver put it.
    pub reason: Option<String>,
    /// URIs of the event types that the receiver requests; `None` for all.
    pub requested: Option<Vec<String>>,
    /// URIs of the event types that exist.
    pub supported: Vec<String>,
    /// URIs of the event types that are sent.
    pub delivered: Vec<String>,
    /// What its receiver calls it.
    pub description: Option<String>,
}

/// What is to change of an event stream; `None`: it stays.
#[derive(Clone, Debug, Default)]
pub struct EventStreamChange {
    /// See [`EventStream::requested`].
    pub requested: Option<Option<Vec<String>>>,
    /// See [`EventStream::description`]; empty to remove it.
    pub description: Option<String>,
    /// See [`EventStream::status`], with the reason, which may be empty.
    pub status: Option<(StreamStatus, String)>,
}

/// The next events of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolledEvents {
    /// `jti` and Security Event Token (RFC 8417) of each, the earliest first.
    pub events: Vec<(String, String)>,
    /// Whether there are others.
    pub has_more: bool,
}

impl AuthClient {
    /// Creates the event stream of an OAuth client. `STREAM_EXISTS` if it has one.
    pub async fn create_event_stream(
        &self,
        client_id: &str,
        requested: Option<Vec<String>>,
        description: Option<String>,
    ) -> Result<EventStream, AuthError> {
        let call = async |channel| {
            let request = self.request(CreateStreamRequest {
                client_id: client_id.to_owned(),
                requested: requested.clone().map(encode_requested),
                description: description.clone().unwrap_or_default(),
            });
            SignalServiceClient::new(channel)
                .create_stream(request)
                .await
        };
        complete(self.call(CHANGE, call).await?.stream)
    }

    /// Returns the event stream of an OAuth client, if it has one.
    pub async fn event_stream(&self, client_id: &str) -> Result<Option<EventStream>, AuthError> {
        let call = async |channel| {
            let request = self.request(GetStreamRequest {
                client_id: client_id.to_owned(),
            });
            SignalServiceClient::new(channel).get_stream(request).await
        };
        let stream = self.call(READ, call).await?.stream;
        stream.map(EventStream::try_from).transpose()
    }

    /// Changes an event stream. `STREAM_NOT_FOUND` if it is not that of the OAuth client.
    pub async fn update_event_stream(
        &self,
        client_id: &str,
        stream_id: &str,
        change: &EventStreamChange,
    ) -> Result<EventStream, AuthError> {
        let call = async |channel| {
            let request = self.request(encode_change(client_id, stream_id, change));
            SignalServiceClient::new(channel)
                .update_stream(request)
                .await
        };
        complete(self.call(CHANGE, call).await?.stream)
    }

    /// Deletes an event stream with its events. `STREAM_NOT_FOUND` if it is not that of the OAuth client.
    pub async fn delete_event_stream(
        &self,
        client_id: &str,
        stream_id: &str,
    ) -> Result<(), AuthError> {
        let call = async |channel| {
            let request = self.request(DeleteStreamRequest {
                client_id: client_id.to_owned(),
                stream_id: stream_id.to_owned(),
            });
            SignalServiceClient::new(channel)
                .delete_stream(request)
                .await
        };
        self.call(CHANGE, call).await.map(drop)
    }

    /// Adds a verification event to a stream. `STREAM_NOT_FOUND` if it is not that of the OAuth client.
    pub async fn verify_event_stream(
        &self,
        client_id: &str,
        stream_id: &str,
        state: &str,
    ) -> Result<(), AuthError> {
        let call = async |channel| {
            let request = self.request(VerifyStreamRequest {
                client_id: client_id.to_owned(),
                stream_id: stream_id.to_owned(),
                state: state.to_owned(),
            });
            SignalServiceClient::new(channel)
                .verify_stream(request)
                .await
        };
        self.call(CHANGE, call).await.map(drop)
    }

    /// Deletes the events with these `jti`, and returns the next ones, at most `max_events`. `STREAM_NOT_FOUND` if the stream is not that of
    /// the OAuth client.
    pub async fn poll_events(
        &self,
        (client_id, stream_id): (&str, &str),
        settled: &[String],
        max_events: u32,
    ) -> Result<PolledEvents, AuthError> {
        let call = async |channel| {
            let request = self.request(PollEventsRequest {
                client_id: client_id.to_owned(),
                stream_id: stream_id.to_owned(),
                settled: settled.to_vec(),
                max_events,
            });
            SignalServiceClient::new(channel).poll_events(request).await
        };
        // Another attempt deletes nothing else.
        let polled = self.call(READ, call).await?;
        let events = polled.events.into_iter();
        Ok(PolledEvents {
            events: events.map(|event| (event.jti, event.token)).collect(),
            has_more: polled.has_more,
        })
    }
}

fn complete(stream: Option<v1::SignalStream>) -> Result<EventStream, AuthError> {
    stream.ok_or_else(AuthError::incomplete)?.try_into()
}

const fn encode_requested(uris: Vec<String>) -> v1::RequestedEvents {
    v1::RequestedEvents { uris }
}

fn encode_change(
    client_id: &str,
    stream_id: &str,
    change: &EventStreamChange,
) -> UpdateStreamRequest {
    let status = change.status.as_ref().map(|(status, reason)| {
        let status = match status {
            StreamStatus::Enabled => v1::StreamStatus::Enabled,
            StreamStatus::Paused => v1::StreamStatus::Paused,
            StreamStatus::Disabled => v1::StreamStatus::Disabled,
        };
        v1::StreamStatusChange {
            status: status.into(),
            reason: reason.clone(),
        }
    });
    UpdateStreamRequest {
        client_id: client_id.to_owned(),
        stream_id: stream_id.to_owned(),
        requested: change.requested.clone().flatten().map(encode_requested),
        requests_all: matches!(change.requested, Some(None)),
        description: change.description.clone(),
        status,
    }
}

impl TryFrom<v1::SignalStream> for EventStream {
    type Error = AuthError;

    fn try_from(stream: v1::SignalStream) -> Result<Self, AuthError> {
        let status = match stream.status() {
            v1::StreamStatus::Enabled => StreamStatus::Enabled,
            v1::StreamStatus::Paused => StreamStatus::Paused,
            v1::StreamStatus::Disabled => StreamStatus::Disabled,
            v1::StreamStatus::Unspecified => return Err(AuthError::incomplete()),
        };
        Ok(Self {
            id: stream.stream_id,
            status,
            reason: non_empty(stream.reason),
            requested: stream.requested.map(|requested| requested.uris),
            supported: stream.supported,
            delivered: stream.delivered,
            description: non_empty(stream.description),
        })
    }
}
