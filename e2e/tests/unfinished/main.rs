//! Clients that start requests and do not finish them do not delay other clients. A test program of its own, as it measures
//! latencies. `cargo xtask test --long` continues each attack for a minute.
#![expect(clippy::print_stdout, reason = "it says what it measured")]

mod attack;
mod others;
mod shape;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use auth_proto::v1::{GetJwksRequest, IssueTokenRequest, issue_token_request::Grant};
use e2e::{
    flood,
    frames::{HEADERS, PREFACE, SETTINGS, frame, head},
    pair::{Options, Pair},
    process,
    program::Program,
    site::Site,
};
use reqwest::Client;
use tokio::{sync::Mutex, time::sleep};
use tonic::Code;

use self::{
    attack::Attack,
    others::Latencies,
    shape::{Rest, Shape},
};

/// Memory limit of a service, in KiB. Half of it is for unfinished messages.
const MOST_MEMORY: u64 = 256 * 1024;
/// Time until the connections of an attack are open.
const WARM_UP: Duration = Duration::from_millis(500);
/// More connections than the default limit of auth-service.
const MORE_THAN_ALL: usize = 1100;
/// Connection limit of web-service, which the attacks exceed.
const WEB_CONNECTIONS: usize = 1024;

/// Serializes the attacks.
static ALONE: Mutex<()> = Mutex::const_new(());

fn period() -> Duration {
    let is_long = std::env::var_os("HOLDFAST_TEST_LONG").is_some();
    Duration::from_secs(if is_long { 60 } else { 2 })
}

/// Attacks `target` with each shape, and measures `ask` meanwhile.
async fn withstands(
    (name, program): (&str, &Program),
    target: SocketAddr,
    site: &Site,
    shapes: Vec<Shape>,
    ask: impl AsyncFn(),
) {
    let _ = holdfast_server_kit::fd_limit::raise_fd_limit(4 * MORE_THAN_ALL);
    let site = Arc::new(site.clone());
    for shape in shapes {
        let attack_name = format!("{name}, {}", shape.name);
        let attack = Attack::start(shape, target, &site);
        sleep(WARM_UP).await;
        Latencies::measure(period(), &ask)
            .await
            .assert_short(&attack_name);
        attack.stop().await;
        let recovery = Latencies::measure(Duration::ZERO, &ask).await;
        recovery.assert_short(&format!("{attack_name}, afterwards"));
        let memory = process::memory(program.id());
        assert!(memory.peak < MOST_MEMORY, "{attack_name}: {memory:?}");
    }
    let errors = program.output().matches("\"level\":\"ERROR\"").count();
    assert_eq!(errors, 0, "{}", program.output());
}

fn call(path: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
}

/// A gRPC message of this length with its prefix.
fn message(length: u8) -> Vec<u8> {
    [&[0, 0, 0, 0, length], vec![0; length.into()].as_slice()].concat()
}

fn shapes_of_calls() -> Vec<Shape> {
    let login = call("/auth.v1.AuthService/Login");
    let refresh = call("/auth.v1.AuthService/IssueToken");
    let jwks = call("/auth.v1.AuthService/GetJwks");
    let watch = call("/grpc.health.v1.Health/Watch");
    let reflection = call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    let many = (30, 120);
    let large = [vec![0, 0, 0, 0xf0, 0], vec![0; 60_000]].concat();
    vec![
        Shape::http2(
            "one connection, 2048 heads",
            (1, 2048),
            &login,
            &Rest::Nothing,
        ),
        Shape::http2("heads", many, &login, &Rest::Nothing),
        Shape::http2("one byte", many, &login, &Rest::Bytes(vec![0])),
        Shape::http2(
            "length without message",
            many,
            &login,
            &Rest::Bytes(message(40)[..5].to_vec()),
        ),
        Shape::http2(
            "half a message",
            many,
            &refresh,
            &Rest::Bytes(message(40)[..25].to_vec()),
        ),
        Shape::http2("open message", many, &refresh, &Rest::Bytes(message(40))),
        Shape::http2("byte by byte", many, &login, &Rest::Trickle),
        Shape::http2(
            "almost the largest message",
            (12, 120),
            &login,
            &Rest::Bytes(large),
        ),
        Shape::http2(
            "two streams on many connections",
            (MORE_THAN_ALL, 2),
            &login,
            &Rest::Nothing,
        ),
        Shape::http2(
            "answers that are not taken",
            many,
            &jwks,
            &Rest::Whole(message(0)),
        ),
        Shape::http2("health watched", many, &watch, &Rest::Whole(message(0))),
        Shape::http2(
            "reflection without a question",
            many,
            &reflection,
            &Rest::Nothing,
        ),
    ]
}

/// Connections whose first request is not complete.
fn shapes_of_http2_connections() -> Vec<Shape> {
    let login = call("/auth.v1.AuthService/Login");
    let opening = [PREFACE, SETTINGS].concat();
    let unfinished_head = [opening.clone(), frame(HEADERS, 0, 1, &head(&login))].concat();
    vec![
        Shape::bytes("idle connections", MORE_THAN_ALL, b""),
        Shape::bytes("part of the preface", MORE_THAN_ALL, &PREFACE[..10]),
        Shape::bytes("preface only", MORE_THAN_ALL, &opening),
        Shape::bytes("unfinished heads", MORE_THAN_ALL, &unfinished_head),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_calls_delay_no_other_client_of_auth_service() {
    let _alone = ALONE.lock().await;
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let address = pair.auth_address.to_string();
    let web = fresh_client(&pair);

    let ask = async || {
        let mut client = flood::connect(&address).await;
        client.get_jwks(GetJwksRequest {}).await.unwrap();
        let junk = IssueTokenRequest {
            grant: Some(Grant::RefreshToken("hfr_junk".to_owned())),
            ..Default::default()
        };
        let refused = client.issue_token(junk).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
        // Each request is a call to auth-service.
        let junk = serde_json::json!({"refresh_token": "hfr_junk"});
        let refresh = web.post(pair.site.url("/api/refresh")).json(&junk);
        assert_eq!(refresh.send().await.unwrap().status(), 401);
    };
    let service = ("auth-service", &pair.auth);
    withstands(
        service,
        pair.auth_address,
        &pair.site,
        shapes_of_calls()
            .into_iter()
            .chain(shapes_of_http2_connections())
            .collect(),
        ask,
    )
    .await;
    pair.site.form_login("ada").await;
}

/// A client that opens a connection for each request.
fn fresh_client(pair: &Pair) -> Client {
    pair.site
        .client_with(|builder| builder.pool_max_idle_per_host(0))
}

fn shapes_of_requests() -> Vec<Shape> {
    let login = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/api/login"),
        (":authority", "localhost"),
        ("content-type", "application/json"),
        ("content-length", "40"),
    ];
    let mut shapes = shapes_over_http2(&login);
    shapes.extend(shapes_over_http1());
    shapes
}

fn shapes_over_http2(login: &[(&'static str, &'static str); 6]) -> Vec<Shape> {
    let page = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/login"),
        (":authority", "localhost"),
    ];
    let mut large = *login;
    large[5] = ("content-length", "61440");
    let many = (24, 95);
    vec![
        Shape::http2("24 × 95 heads", many, login, &Rest::Nothing),
        Shape::http2("one byte", many, login, &Rest::Bytes(b"{".to_vec())),
        Shape::http2("half a body", many, login, &Rest::Bytes(vec![b' '; 20])),
        Shape::http2("byte by byte", many, login, &Rest::Trickle),
        Shape::http2(
            "almost the largest body",
            (12, 95),
            &large,
            &Rest::Bytes(vec![b' '; 60_000]),
        ),
        Shape::http2(
            "two streams on many connections",
            (MORE_THAN_ALL, 2),
            login,
            &Rest::Nothing,
        ),
        Shape::http2(
            "answers that are not taken",
            many,
            &page,
            &Rest::Whole(Vec::new()),
        ),
    ]
}

fn shapes_over_http1() -> Vec<Shape> {
    let post = "POST /api/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let with = |rest: &str| format!("{post}{rest}").into_bytes();
    let connections = MORE_THAN_ALL;
    vec![
        Shape::bytes(
            "heads, HTTP/1.1",
            connections,
            &with("content-length: 40\r\n\r\n"),
        ),
        Shape::bytes(
            "heads of bodies above the limit",
            connections,
            &with("content-length: 70000\r\n\r\n"),
        ),
        Shape::bytes(
            "one byte, HTTP/1.1",
            connections,
            &with("content-length: 40\r\n\r\n{"),
        ),
        Shape::bytes(
            "byte by byte, HTTP/1.1",
            connections,
            &with("content-length: 40\r\n\r\n"),
        )
        .then(b" "),
        Shape::bytes(
            "no chunk",
            connections,
            &with("transfer-encoding: chunked\r\n\r\n"),
        ),
        Shape::bytes(
            "chunk above the limit",
            connections,
            &with("transfer-encoding: chunked\r\n\r\nfffff\r\n"),
        ),
        Shape::bytes(
            "leave to go on",
            connections,
            &with("expect: 100-continue\r\ncontent-length: 40\r\n\r\n"),
        ),
        Shape::bytes("unfinished heads", connections, &with("x-slow: ")).then(b"x"),
        Shape::bytes("idle connections", connections, b""),
    ]
}

/// Connections below HTTP, and classic slow HTTP requests.
fn shapes_over_tls() -> Vec<Shape> {
    let login = [
        (":method", "POST"),
        (":scheme", "https"),
        (":path", "/api/login"),
        (":authority", "localhost"),
        ("content-length", "40"),
    ];
    let part_of_a_hello = [0x16, 3, 1, 2, 0, 1, 0];
    vec![
        Shape::http2("24 × 95 heads over TLS", (24, 95), &login, &Rest::Nothing).over_tls(),
        Shape::bytes("no handshake", MORE_THAN_ALL, b""),
        Shape::bytes("part of a handshake", MORE_THAN_ALL, &part_of_a_hello),
        Shape::bytes("silence after the handshake", 100, b"").over_tls(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_requests_delay_no_other_client_of_web_service() {
    let _alone = ALONE.lock().await;
    let pair = Pair::start_with(Options {
        web: vec![("WEB_MAX_CONNECTIONS", WEB_CONNECTIONS.to_string())],
        // The long attacks last longer than a token does by default.
        auth: vec![("AUTH_ACCESS_TTL", "24h".to_owned())],
    })
    .await;
    pair.add_user("ada", &[]).await;
    let tokens = pair.site.tokens("ada").await;
    let token = tokens["access_token"].as_str().unwrap();
    let client = fresh_client(&pair);
    let ask_at = async |origin: &str| {
        let page = client.get(format!("{origin}/login")).send().await.unwrap();
        assert_eq!(page.status(), 200);
        let verified = client.get(format!("{origin}/auth/verify"));
        let verified = verified.bearer_auth(token).send().await.unwrap();
        assert_eq!(verified.status(), 200);
        let junk = serde_json::json!({"refresh_token": "hfr_junk"});
        let refused = client.post(format!("{origin}/api/refresh")).json(&junk);
        assert_eq!(refused.send().await.unwrap().status(), 401);
    };

    let (plain, address) = pair.another_web_without_tls().await;
    let origin = format!("http://{address}");
    let service = ("web-service", &plain);
    withstands(
        service,
        address,
        &pair.site,
        shapes_of_requests(),
        async || ask_at(&origin).await,
    )
    .await;

    let service = ("web-service", &pair.web);
    let ask = async || ask_at(&pair.site.origin).await;
    withstands(
        service,
        pair.web_address,
        &pair.site,
        shapes_over_tls(),
        ask,
    )
    .await;
    pair.site.form_login("ada").await;
}
