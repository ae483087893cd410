//! `auth.v1.SignalService`: streams of security events.

use std::sync::Arc;

use auth_proto::v1::{
    self, CreateStreamRequest, CreateStreamResponse, DeleteStreamRequest, DeleteStreamResponse,
    GetStreamRequest, GetStreamResponse, PollEventsRequest, PollEventsResponse,
    UpdateStreamRequest, UpdateStreamResponse, VerifyStreamRequest, VerifyStreamResponse,
    signal_service_server::SignalService,
};
use holdfast_identity::signals::{self, MAX_POLLED, NewStream, Poll, StreamChange};
use tonic::{Request, Status};

use crate::grpc::{
    call_context::ServiceIdentity,
    decode, encode,
    errors::{OrStatus as _, invalid},
};

/// What the RPCs of `SignalService` use.
pub(super) struct SignalApi {
    pub(super) signals: Arc<signals::SignalService>,
    pub(super) service_identity: Arc<ServiceIdentity>,
}

impl SignalApi {
    /// Rejects callers other than web-service.
    fn web_service<T>(&self, request: &Request<T>) -> Result<(), Status> {
        self.service_identity.require(request)
    }
}

rpcs! {
    SignalService for SignalApi {
        create_stream(CreateStreamRequest) -> CreateStreamResponse = create, by web_service;
        get_stream(GetStreamRequest) -> GetStreamResponse = get, by web_service;
        update_stream(UpdateStreamRequest) -> UpdateStreamResponse = update, by web_service;
        delete_stream(DeleteStreamRequest) -> DeleteStreamResponse = delete, by web_service;
        verify_stream(VerifyStreamRequest) -> VerifyStreamResponse = verify, by web_service;
        poll_events(PollEventsRequest) -> PollEventsResponse = poll, by web_service;
    }
}

async fn create(
    api: &SignalApi,
    request: Request<CreateStreamRequest>,
) -> Result<CreateStreamResponse, Status> {
    let message = request.into_inner();
    let client = decode::client_id(&message.client_id)?;
    let new = NewStream {
        requested: message
            .requested
            .as_ref()
            .map(decode::requested_events)
            .transpose()?,
        description: decode::stream_text("description", &message.description)?,
    };
    let stream = api.signals.create(&client, new).await.or_status()?;
    Ok(CreateStreamResponse {
        stream: Some(encode::signal_stream(&stream)),
    })
}

async fn get(
    api: &SignalApi,
    request: Request<GetStreamRequest>,
) -> Result<GetStreamResponse, Status> {
    let client = decode::client_id(&request.get_ref().client_id)?;
    let stream = api.signals.stream_of(&client).await.or_status()?;
    Ok(GetStreamResponse {
        stream: stream.as_ref().map(encode::signal_stream),
    })
}

async fn update(
    api: &SignalApi,
    request: Request<UpdateStreamRequest>,
) -> Result<UpdateStreamResponse, Status> {
    let message = request.into_inner();
    let client = decode::client_id(&message.client_id)?;
    let id = decode::stream_id(&message.stream_id)?;
    let requested = match &message.requested {
        Some(requested) => Some(Some(decode::requested_events(requested)?)),
        None if message.requests_all => Some(None),
        None => None,
    };
    let description = message.description.as_deref();
    let change = StreamChange {
        requested,
        description: description
            .map(|text| decode::stream_text("description", text))
            .transpose()?,
        status: message.status.as_ref().map(status_change).transpose()?,
    };
    let stream = api.signals.change(&client, id, change).await.or_status()?;
    Ok(UpdateStreamResponse {
        stream: Some(encode::signal_stream(&stream)),
    })
}

fn status_change(
    change: &v1::StreamStatusChange,
) -> Result<(signals::StreamStatus, Option<signals::StreamText>), Status> {
    let status = match change.status() {
        v1::StreamStatus::Enabled => signals::StreamStatus::Enabled,
        v1::StreamStatus::Paused => signals::StreamStatus::Paused,
        v1::StreamStatus::Disabled => signals::StreamStatus::Disabled,
        v1::StreamStatus::Unspecified => return Err(invalid("status", "is required")),
    };
    Ok((status, decode::stream_text("reason", &change.reason)?))
}

async fn delete(
    api: &SignalApi,
    request: Request<DeleteStreamRequest>,
) -> Result<DeleteStreamResponse, Status> {
    let message = request.into_inner();
    let client = decode::client_id(&message.client_id)?;
    let id = decode::stream_id(&message.stream_id)?;
    api.signals.delete(&client, id).await.or_status()?;
    Ok(DeleteStreamResponse {})
}

async fn verify(
    api: &SignalApi,
    request: Request<VerifyStreamRequest>,
) -> Result<VerifyStreamResponse, Status> {
    let message = request.into_inner();
    let client = decode::client_id(&message.client_id)?;
    let id = decode::stream_id(&message.stream_id)?;
    let state = decode::stream_text("state", &message.state)?;
    let verified = api.signals.verify(&client, id, state.as_ref()).await;
    verified.or_status()?;
    Ok(VerifyStreamResponse {})
}

async fn poll(
    api: &SignalApi,
    request: Request<PollEventsRequest>,
) -> Result<PollEventsResponse, Status> {
    let message = request.into_inner();
    let client = decode::client_id(&message.client_id)?;
    let poll = Poll {
        stream: decode::stream_id(&message.stream_id)?,
        settled: &message.settled,
        max_events: message.max_events.min(MAX_POLLED),
    };
    let polled = api.signals.poll(&client, &poll).await.or_status()?;
    let events = polled.events.into_iter();
    let event = |event: signals::PolledSignal| v1::SecurityEventToken {
        jti: event.jti,
        token: event.token,
    };
    Ok(PollEventsResponse {
        events: events.map(event).collect(),
        has_more: polled.has_more,
    })
}
