//! `SignalService`: the event streams of OAuth clients.

use auth_proto::v1::{
    CreateStreamRequest, GetStreamRequest, PollEventsRequest, PollEventsResponse, SignalStream,
    StreamStatus, StreamStatusChange, UpdateStreamRequest, VerifyStreamRequest,
    signal_service_client::SignalServiceClient,
};
use tonic::{Code, transport::Channel};

use crate::support::{TestService, assert_refused, from_web_service, until};

impl TestService {
    fn signals(&self) -> SignalServiceClient<Channel> {
        SignalServiceClient::new(self.channel.clone())
    }

    /// Registers an OAuth client, and creates its stream.
    async fn add_stream(&self, client_id: &str) -> SignalStream {
        self.add_public_client(client_id).await;
        let request = from_web_service(CreateStreamRequest {
            client_id: client_id.to_owned(),
            ..Default::default()
        });
        let created = self.signals().create_stream(request).await.unwrap();
        created.into_inner().stream.unwrap()
    }

    async fn poll(
        &self,
        stream: &SignalStream,
        settled: Vec<String>,
        max_events: u32,
    ) -> PollEventsResponse {
        let request = from_web_service(poll(stream, settled, max_events));
        let polled = self.signals().poll_events(request).await.unwrap();
        polled.into_inner()
    }
}

fn poll(stream: &SignalStream, settled: Vec<String>, max_events: u32) -> PollEventsRequest {
    PollEventsRequest {
        client_id: "desk".to_owned(),
        stream_id: stream.stream_id.clone(),
        settled,
        max_events,
    }
}

fn verify(stream: &SignalStream, state: &str) -> VerifyStreamRequest {
    VerifyStreamRequest {
        client_id: "desk".to_owned(),
        stream_id: stream.stream_id.clone(),
        state: state.to_owned(),
    }
}

#[tokio::test]
async fn stream_is_for_web_service_only() {
    let service = TestService::start().await;
    let stream = service.add_stream("desk").await;
    let request = poll(&stream, Vec::new(), 1);
    let polled = service.signals().poll_events(request).await;
    assert_refused(polled, Code::PermissionDenied, "SERVICE_IDENTITY_REQUIRED");
}

#[tokio::test]
async fn events_are_returned_until_they_are_settled_also_after_a_restart() {
    let service = TestService::with_user("ada").await;
    let stream = service.add_stream("desk").await;
    for _ in 0..3 {
        let tokens = service.tokens("ada", "").await;
        service.revoke(&tokens.refresh_token).await;
    }
    let service = service.restart().await;
    let first = service.poll(&stream, Vec::new(), 2).await;
    assert!(first.has_more && first.events.len() == 2);
    let settled = first.events.iter().map(|event| event.jti.clone()).collect();
    let rest = service.poll(&stream, settled, 2).await;
    assert!(!rest.has_more && rest.events.len() == 1);
    let again = service.poll(&stream, Vec::new(), 2).await;
    assert_eq!(again.events[0].jti, rest.events[0].jti);
    let settled = vec![rest.events[0].jti.clone()];
    assert_eq!(service.poll(&stream, settled, 0).await.events, []);
    assert_eq!(service.poll(&stream, Vec::new(), 2).await.events, []);
}

#[tokio::test]
async fn settling_deletes_no_event_of_another_stream() {
    let service = TestService::start().await;
    let (desk, shop) = (
        service.add_stream("desk").await,
        service.add_stream("shop").await,
    );
    let request = from_web_service(verify(&desk, "one"));
    service.signals().verify_stream(request).await.unwrap();
    let event = service.poll(&desk, Vec::new(), 1).await.events.remove(0);
    let mut request = poll(&shop, vec![event.jti.clone()], 1);
    request.client_id = "shop".to_owned();
    let request = from_web_service(request);
    let polled = service.signals().poll_events(request).await.unwrap();
    assert_eq!(polled.into_inner().events, []);
    let kept = service.poll(&desk, Vec::new(), 1).await;
    assert_eq!(kept.events[0].jti, event.jti);

    let foreign = from_web_service(poll(&shop, Vec::new(), 1));
    let polled = service.signals().poll_events(foreign).await;
    assert_refused(polled, Code::NotFound, "STREAM_NOT_FOUND");
}

#[tokio::test]
async fn status_is_kept_with_its_reason_and_no_second_stream_is_created() {
    let service = TestService::start().await;
    let stream = service.add_stream("desk").await;
    let request = from_web_service(UpdateStreamRequest {
        client_id: "desk".to_owned(),
        stream_id: stream.stream_id.clone(),
        status: Some(StreamStatusChange {
            status: StreamStatus::Paused.into(),
            reason: "maintenance".to_owned(),
        }),
        ..Default::default()
    });
    service.signals().update_stream(request).await.unwrap();
    let client_id = "desk".to_owned();
    let request = from_web_service(CreateStreamRequest {
        client_id: client_id.clone(),
        ..Default::default()
    });
    let second = service.signals().create_stream(request).await;
    assert_refused(second, Code::AlreadyExists, "STREAM_EXISTS");
    let request = from_web_service(GetStreamRequest { client_id });
    let found = service.signals().get_stream(request).await.unwrap();
    let found = found.into_inner().stream.unwrap();
    assert_eq!(found.status(), StreamStatus::Paused);
    assert_eq!(found.reason, "maintenance");
}

#[tokio::test]
async fn event_that_nobody_settles_is_deleted() {
    let service = TestService::start().await;
    let stream = service.add_stream("desk").await;
    let request = from_web_service(verify(&stream, ""));
    service.signals().verify_stream(request).await.unwrap();
    let sql = "UPDATE stream_events SET at = 0";
    service.execute_sql(sql.to_owned()).await;
    let service = service.restart().await;
    until("the deletion at the start", async || {
        let polled = service.poll(&stream, Vec::new(), 1).await;
        polled.events.is_empty().then_some(())
    })
    .await;
}
