use auth_proto::v1::LoginRequest;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{v1, v1alpha};

use crate::support::TestService;

#[tokio::test]
async fn health_is_told_for_the_port_and_each_service() {
    let service = TestService::start().await;
    let mut client = HealthClient::new(service.channel.clone());
    for name in [
        "",
        "auth.v1.AuthService",
        "auth.v1.AccountService",
        "auth.v1.AdminService",
    ] {
        let request = HealthCheckRequest {
            service: name.into(),
        };
        let answer = client.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{name}");
    }
}

#[tokio::test]
async fn reflection_speaks_both_versions_and_is_off_unless_asked_for() {
    let service = TestService::start().await;
    let request = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let mut client =
        v1::server_reflection_client::ServerReflectionClient::new(service.channel.clone());
    assert!(
        client
            .server_reflection_info(tokio_stream(request))
            .await
            .is_ok()
    );
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::ListServices(String::new()),
        ),
    };
    let mut client =
        v1alpha::server_reflection_client::ServerReflectionClient::new(service.channel.clone());
    assert!(
        client
            .server_reflection_info(tokio_stream(request))
            .await
            .is_ok()
    );

    let closed = TestService::start_with(|config| config.reflection = false).await;
    let request = v1::ServerReflectionRequest::default();
    let mut client =
        v1::server_reflection_client::ServerReflectionClient::new(closed.channel.clone());
    let refused = client
        .server_reflection_info(tokio_stream(request))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_message_above_the_limit_is_refused() {
    let service = TestService::start().await;
    let request = LoginRequest {
        username: "x".repeat(65 * 1024),
        ..Default::default()
    };
    let refused = service.auth().login(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
}

fn tokio_stream<T>(item: T) -> impl futures_util::Stream<Item = T> {
    futures_util::stream::iter([item])
}
