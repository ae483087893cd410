use std::time::{Duration, Instant};

use auth_proto::v1::LoginRequest;
use e2e::{
    flood,
    pair::{PASSWORD, Pair},
    program::Program,
};
use reqwest::Response;
use rustix::process::Signal;
use tokio::{net::TcpStream, task::JoinSet};
use tonic::{Code, client::Grpc, codegen::http::uri::PathAndQuery, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Enough that some requests still wait when the signal arrives.
const IN_FLIGHT: usize = 24;
/// Limit of the time for a stop.
const MAX_STOP: Duration = Duration::from_secs(10);

/// Stops the program and returns how long it took.
async fn stop(program: &mut Program) -> Duration {
    stop_with(program, Signal::TERM).await
}

async fn stop_with(program: &mut Program, signal: Signal) -> Duration {
    let begun = Instant::now();
    program.signal(signal);
    assert!(program.exit().await.success(), "{}", program.output());
    begun.elapsed()
}

#[tokio::test]
async fn requests_in_flight_finish_when_web_service_stops() {
    for signal in [Signal::TERM, Signal::QUIT] {
        requests_in_flight_finish(signal).await;
    }
}

async fn requests_in_flight_finish(signal: Signal) {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    // From a known location, this many concurrent sign-ins are not throttled.
    pair.site.tokens("ada").await;
    let mut requests = JoinSet::new();
    // Over one connection, so that the first response shows that all requests have arrived.
    let client = pair.site.client();
    for _ in 0..IN_FLIGHT {
        let request = client.post(pair.site.url("/api/login"));
        let body = serde_json::json!({"username": "ada", "password": PASSWORD});
        requests.spawn(request.json(&body).send());
    }
    // After one response, the others have arrived and wait.
    let first = requests.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(first.status(), 200);

    let took = stop_with(&mut pair.web, signal).await;

    let answers: Vec<_> = requests.join_all().await;
    let statuses: Vec<_> = answers.iter().flatten().map(Response::status).collect();
    assert_eq!(statuses.len(), IN_FLIGHT - 1, "{answers:?}");
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert!(took < MAX_STOP, "{took:?}");
    assert!(TcpStream::connect(pair.web_address).await.is_err());
}

#[tokio::test]
async fn sign_ins_in_flight_finish_when_auth_service_stops() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    pair.site.tokens("ada").await;
    let client = pair.site.client();
    let mut requests = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let request = client.post(pair.site.url("/api/login"));
        let body = serde_json::json!({"username": "ada", "password": PASSWORD});
        requests.spawn(request.json(&body).send());
    }
    let first = requests.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(first.status(), 200);

    let took = stop(&mut pair.auth).await;

    let answers: Vec<_> = requests.join_all().await;
    let statuses: Vec<_> = answers.iter().flatten().map(Response::status).collect();
    assert_eq!(statuses.len(), IN_FLIGHT - 1, "{answers:?}");
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert!(took < MAX_STOP, "{took:?}");
}

#[tokio::test]
async fn calls_in_flight_finish_when_auth_service_stops() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let client = flood::connect(&pair.auth_address.to_string()).await;
    let login = LoginRequest {
        username: "ada".to_owned(),
        password: PASSWORD.to_owned(),
        client: None,
    };
    client.clone().login(login.clone()).await.unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (mut client, login) = (client.clone(), login.clone());
        calls.spawn(async move { client.login(login).await });
    }
    calls.join_next().await.unwrap().unwrap().unwrap();

    let took = stop(&mut pair.auth).await;

    let answers: Vec<_> = calls.join_all().await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert!(took < MAX_STOP, "{took:?}");
    let mut client = client;
    let error = client.login(login).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
}

#[tokio::test]
async fn health_watch_gets_not_serving_and_does_not_delay_stop() {
    let mut pair = Pair::start().await;
    let endpoint = Endpoint::from_shared(format!("http://{}", pair.auth_address)).unwrap();
    let mut grpc = Grpc::new(endpoint.connect().await.unwrap());
    grpc.ready().await.unwrap();
    let watch = tonic::Request::new(HealthCheckRequest::default());
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Watch");
    let codec = tonic_prost::ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
    let mut health = grpc
        .server_streaming(watch, path, codec)
        .await
        .unwrap()
        .into_inner();
    let serving = health.message().await.unwrap().unwrap();

    let took = stop(&mut pair.auth).await;

    let not_serving = health.message().await.unwrap().unwrap();
    assert_eq!((serving.status, not_serving.status), (1, 2));
    assert!(health.message().await.unwrap().is_none(), "the stream ends");
    assert!(took < Duration::from_secs(4), "{took:?}");
}
