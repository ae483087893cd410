//! The gRPC port: health, reflection, message limits, and requests that are no gRPC calls.

use auth_proto::v1::LoginRequest;
use http::{Method, Request, Response};
use tonic::{Code, Status, body::Body};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{v1, v1alpha};
use tower::{Service as _, ServiceExt as _};

use crate::support::TestService;

/// Sends an HTTP request of any method and content type.
async fn send(
    service: &TestService,
    (method, path): (Method, &str),
    content_type: &[&str],
    body: &[u8],
) -> Response<Body> {
    let uri = format!("http://{}{path}", service.address);
    let request = Request::builder().method(method).uri(uri);
    let kinds = content_type.iter();
    let request = kinds.fold(request, |request, kind| {
        request.header("content-type", *kind)
    });
    let body = Body::new(String::from_utf8(body.to_vec()).unwrap());
    let mut channel = service.channel.clone();
    let ready = channel.ready().await.unwrap();
    ready.call(request.body(body).unwrap()).await.unwrap()
}

#[tokio::test]
async fn health_is_served_for_port_and_each_service() {
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
async fn reflection_serves_both_versions_where_enabled() {
    let service = TestService::start().await;
    let request = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let mut client =
        v1::server_reflection_client::ServerReflectionClient::new(service.channel.clone());
    let mut answers = client.server_reflection_info(once(request)).await;
    let answer = answers.as_mut().unwrap().get_mut().message().await.unwrap();
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(listed)) =
        answer.unwrap().message_response
    else {
        panic!("no list of services");
    };
    let names: Vec<_> = listed.service.iter().map(|one| one.name.as_str()).collect();
    assert!(names.contains(&"auth.v1.AuthService"), "{names:?}");
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::ListServices(String::new()),
        ),
    };
    let mut client =
        v1alpha::server_reflection_client::ServerReflectionClient::new(service.channel.clone());
    let mut answers = client.server_reflection_info(once(request)).await;
    let answer = answers.as_mut().unwrap().get_mut().message().await.unwrap();
    let Some(v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(listed)) =
        answer.unwrap().message_response
    else {
        panic!("no list of services");
    };
    let names: Vec<_> = listed.service.iter().map(|one| one.name.as_str()).collect();
    assert!(names.contains(&"auth.v1.AuthService"), "{names:?}");

    let closed = TestService::start_with(|config| config.reflection = false).await;
    let request = v1::ServerReflectionRequest::default();
    let mut client =
        v1::server_reflection_client::ServerReflectionClient::new(closed.channel.clone());
    let refused = client
        .server_reflection_info(once(request))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}

#[tokio::test]
async fn message_above_limit_is_refused() {
    let service = TestService::start().await;
    let request = LoginRequest {
        username: "x".repeat(65 * 1024),
        ..Default::default()
    };
    let refused = service.auth().login(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
}

const GET_JWKS: &str = "/auth.v1.AuthService/GetJwks";

#[tokio::test]
async fn request_that_is_not_grpc_is_refused() {
    let service = TestService::start().await;
    let empty = b"\0\0\0\0\0";
    for path in [GET_JWKS, "/", "/grpc.health.v1.Health/Check"] {
        for method in [Method::GET, Method::PUT, Method::OPTIONS] {
            let refused = send(&service, (method, path), &["application/grpc"], b"").await;
            assert_eq!(refused.status(), 405, "{path}");
            assert_eq!(refused.headers()["allow"], "POST");
        }
        for kinds in [
            &[][..],
            &["text/plain"],
            &["application/grpc-web"],
            &["application/grpc", "application/grpc"],
        ] {
            let refused = send(&service, (Method::POST, path), kinds, empty).await;
            assert_eq!(refused.status(), 415, "{path} {kinds:?}");
        }
    }
    for kind in ["application/grpc", "application/grpc+proto"] {
        let answer = send(&service, (Method::POST, GET_JWKS), &[kind], empty).await;
        assert_eq!(answer.status(), 200, "{kind}");
        assert!(Status::from_header_map(answer.headers()).is_none());
    }
}

#[tokio::test]
async fn malformed_message_is_invalid_argument() {
    let service = TestService::start().await;
    let login = "/auth.v1.AuthService/Login";
    for (what, body) in [
        ("nothing", &b""[..]),
        ("half a prefix", b"\0\0"),
        ("half a message", b"\0\0\0\0\x09\x0a"),
        ("a length beyond the message", b"\0\0\0\0\x02\x0a\x7f"),
        ("groups within groups", b"\0\0\0\0\x04\x0b\x0b\x0b\x0b"),
        ("compressed, without an encoding", b"\x01\0\0\0\x02\x0a\0"),
        ("an unknown flag", b"\x07\0\0\0\x02\x0a\0"),
    ] {
        let answer = send(&service, (Method::POST, login), &["application/grpc"], body).await;
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(status.code(), Code::InvalidArgument, "{what}: {status:?}");
    }
}

fn once<T>(item: T) -> impl futures_util::Stream<Item = T> {
    futures_util::stream::iter([item])
}
