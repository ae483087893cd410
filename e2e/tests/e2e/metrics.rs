//! The metrics of both services: what moves, what labels there are, and the document that lists them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use e2e::{
    compose::root,
    pair::{Options, Pair},
    program::Program,
    redis::Redis,
    wait::until,
};
use reqwest::Method;

use crate::tls::make_authority;

/// Requests of a client that tries to make series.
const HOSTILE: usize = 10_000;

/// Both services on Redis, so that every metric is there.
async fn pair() -> (Pair, Redis) {
    let redis = Redis::start().await;
    let pair = Pair::start_with(Options {
        web: vec![("WEB_SESSION_STORE", redis.url())],
        auth: vec![("AUTH_REDIS_URL", redis.url())],
    });
    let pair = pair.await;
    pair.add_user("ada", &[]).await;
    (pair, redis)
}

/// The metrics of a service, as text.
pub(crate) async fn text(program: &mut Program) -> String {
    let url = format!("http://{}/metrics", program.ops_address().await);
    let answer = reqwest::get(url).await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = answer.text().await.unwrap();
    assert!(text.ends_with("# EOF\n"));
    text
}

/// The value of each series.
pub(crate) fn series(text: &str) -> BTreeMap<String, f64> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let samples = samples.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    samples.collect()
}

/// The series of web-service.
pub(crate) async fn of_web(pair: &mut Pair) -> BTreeMap<String, f64> {
    series(&text(&mut pair.web).await)
}

/// The series of auth-service.
pub(crate) async fn of_auth(pair: &mut Pair) -> BTreeMap<String, f64> {
    series(&text(&mut pair.auth).await)
}

/// Series that a test expects to grow, by how much at least.
pub(crate) type Growth<'a> = &'a [(&'a str, f64)];

/// The series that have not grown as expected. One that is absent counts as zero.
pub(crate) fn lacking<'a>(
    before: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
    expected: Growth<'a>,
) -> Vec<&'a str> {
    let value = |series: &BTreeMap<String, f64>, name| series.get(name).copied().unwrap_or(0.0);
    let lacking = expected
        .iter()
        .filter(|(name, least)| value(after, *name) - value(before, *name) < *least);
    lacking.map(|(name, _)| *name).collect()
}

fn assert_grown(
    before: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
    expected: Growth<'_>,
) {
    let lacking = lacking(before, after, expected);
    assert!(lacking.is_empty(), "{lacking:?}: {after:#?}");
}

const OF_WEB: Growth<'_> = &[
    (
        r#"holdfast_web_http_requests_total{route="api.session",method="GET",status="2xx"}"#,
        3.0,
    ),
    (
        r#"holdfast_web_http_requests_total{route="api.login",method="POST",status="4xx"}"#,
        1.0,
    ),
    (
        r#"holdfast_web_http_request_duration_seconds_count{route="api.profile"}"#,
        3.0,
    ),
    (
        r#"holdfast_web_token_verifications_total{source="call",outcome="valid"}"#,
        1.0,
    ),
    (
        r#"holdfast_web_token_verifications_total{source="memory",outcome="valid"}"#,
        1.0,
    ),
    (
        "holdfast_web_session_store_command_duration_seconds_count",
        1.0,
    ),
    ("holdfast_web_revocation_log_position", 1.0),
];

const OF_AUTH: Growth<'_> = &[
    (r#"holdfast_auth_audit_events_total{kind="SIGNED_IN"}"#, 2.0),
    (
        r#"holdfast_auth_audit_events_total{kind="SIGN_IN_REFUSED"}"#,
        1.0,
    ),
    (
        r#"holdfast_auth_audit_events_total{kind="LOGIN_ENDED"}"#,
        1.0,
    ),
    (r#"holdfast_auth_refreshes_total{outcome="rotated"}"#, 1.0),
    (
        r#"holdfast_auth_grpc_requests_total{method="AuthService/IssueToken",code="OK"}"#,
        2.0,
    ),
    ("holdfast_auth_password_hash_duration_seconds_count", 3.0),
    ("holdfast_auth_redis_command_duration_seconds_count", 1.0),
    ("holdfast_auth_sqlite_writes_total", 1.0),
    (
        r#"holdfast_auth_sqlite_connection_wait_seconds_count{pool="read"}"#,
        1.0,
    ),
    (
        r#"holdfast_auth_authentication_attempts_total{factor="password",outcome="verified"}"#,
        2.0,
    ),
    (
        r#"holdfast_auth_authentication_attempts_total{factor="password",outcome="refused"}"#,
        1.0,
    ),
    (
        r#"holdfast_auth_rate_limits_total{operation="password",outcome="allowed"}"#,
        3.0,
    ),
    (
        r#"holdfast_auth_token_requests_total{grant="login_ticket",outcome="issued"}"#,
        2.0,
    ),
    (
        r#"holdfast_auth_token_requests_total{grant="refresh_token",outcome="issued"}"#,
        1.0,
    ),
    (
        r#"holdfast_auth_grpc_refusals_total{reason="INVALID_CREDENTIALS"}"#,
        1.0,
    ),
    (r#"holdfast_auth_revocations_read_total{kind="login"}"#, 1.0),
    ("holdfast_auth_revocation_log_position", 1.0),
];

const BY_MEMORY: Growth<'_> = &[(
    r#"holdfast_auth_token_validations_total{source="memory",outcome="valid"}"#,
    1.0,
)];

/// A person signs in by form and by the API, is checked, refreshes, mistypes the password, and signs out.
async fn live(pair: &Pair) {
    let cookie = pair.site.form_login("ada").await;
    for _ in 0..3 {
        pair.site.get("/api/session", &cookie).await;
    }
    let tokens = pair.site.tokens("ada").await;
    let access_token = tokens["access_token"].as_str().unwrap();
    let client = pair.site.client();
    for _ in 0..3 {
        let checked = client.get(pair.site.url("/api/profile"));
        let checked = checked.bearer_auth(access_token).send().await.unwrap();
        assert_eq!(checked.status(), 200);
    }
    let body = serde_json::json!({"refresh_token": tokens["refresh_token"]});
    let refreshed = client.post(pair.site.url("/api/refresh")).json(&body);
    assert_eq!(refreshed.send().await.unwrap().status(), 200);
    assert_eq!(pair.site.api_login("ada", "wrong").await.status(), 401);
    let ended = client.post(pair.site.url("/api/logout"));
    let ended = ended.bearer_auth(access_token).send().await.unwrap();
    assert_eq!(ended.status(), 204);
}

/// Checks new tokens until auth-service validates one by the revocations in memory. Those of the second in which it started, it validates by the
/// store.
async fn check_by_memory(pair: &mut Pair, before: &BTreeMap<String, f64>) {
    until("a validation by memory", async || {
        let tokens = pair.site.tokens("ada").await;
        let checked = pair.site.client().get(pair.site.url("/api/profile"));
        let checked = checked.bearer_auth(tokens["access_token"].as_str().unwrap());
        assert_eq!(checked.send().await.unwrap().status(), 200);
        let after = of_auth(pair).await;
        lacking(before, &after, BY_MEMORY).is_empty().then_some(())
    })
    .await;
}

fn assert_all_pass(series: &BTreeMap<String, f64>, name: &str, count: usize) {
    let checks = series.iter().filter(|(series, _)| series.starts_with(name));
    let checks: Vec<_> = checks.collect();
    assert_eq!(checks.len(), count, "{checks:?}");
    assert!(checks.iter().all(|(_, value)| **value > 0.5), "{checks:?}");
}

#[tokio::test]
async fn sign_in_refresh_check_and_sign_out_are_measured() {
    let (mut pair, _redis) = pair().await;
    let (web, auth) = (of_web(&mut pair).await, of_auth(&mut pair).await);
    live(&pair).await;
    check_by_memory(&mut pair, &auth).await;
    // Keeps its connection open.
    let client = pair.site.client();
    let page = client.get(pair.site.url("/login")).send().await.unwrap();
    page.bytes().await.unwrap();
    let after = of_web(&mut pair).await;
    assert_grown(&web, &after, OF_WEB);
    assert!(after["holdfast_web_revocation_stream_connected"] > 0.5);
    assert!(after["holdfast_web_revocation_log_entries_behind"] < 0.5);
    let delivered = after["holdfast_web_revocation_delivery_seconds_count"];
    // On a busy machine it may take longer than the request waits.
    let late = after["holdfast_web_revocations_not_delivered_total"];
    assert!(delivered + late >= 1.0, "{after:#?}");
    assert!(after["holdfast_web_revocation_stream_message_age_seconds"] < 3.0);
    assert!(after[r#"holdfast_web_connections_open{port="https"}"#] >= 1.0);
    assert!(after[r#"holdfast_web_connection_slots{port="https"}"#] > 1.0);
    assert_all_pass(&after, "holdfast_web_readiness_check_passed", 4);
    let after = of_auth(&mut pair).await;
    assert_grown(&auth, &after, OF_AUTH);
    assert!(after[r#"holdfast_auth_connections_open{port="grpc"}"#] >= 1.0);
    assert!(after[r#"holdfast_auth_lease_held{lease="retention"}"#] > 0.5);
    assert_all_pass(&after, "holdfast_auth_readiness_check_passed", 3);
    assert!(after["holdfast_auth_revocation_log_read_age_seconds"] < 3.0);
    drop(client);
}

#[tokio::test]
async fn unavailable_redis_opens_the_circuit_breakers_and_is_counted() {
    let (mut pair, mut redis) = pair().await;
    let cookie = pair.site.form_login("ada").await;
    redis.kill().await;
    let open = "holdfast_web_circuit_breakers_open{peer=\"redis\"}";
    until("the circuit breaker", async || {
        pair.site.get("/api/session", &cookie).await;
        (of_web(&mut pair).await[open] > 0.0).then_some(())
    })
    .await;
    let web = of_web(&mut pair).await;
    assert!(web["holdfast_web_session_cache_current"] < 0.5);
    assert!(web[r#"holdfast_web_readiness_check_passed{check="session_store"}"#] < 0.5);
    assert!(web[r#"holdfast_web_readiness_check_passed{check="revocations"}"#] > 0.5);
    let event = "holdfast_web_log_events_total{event=\"session_store.unavailable\"}";
    assert!(web[event] >= 1.0, "{web:#?}");
    redis.start_again().await;
    until("the circuit breaker to close", async || {
        (of_web(&mut pair).await[open] < 0.5).then_some(())
    })
    .await;
}

/// Whatever a client sends, there are as many series as the source names.
#[tokio::test]
async fn hostile_requests_make_no_series() {
    let (mut pair, _redis) = pair().await;
    let (client, origin) = (pair.site.client(), pair.site.url(""));
    let send = async |number: usize| {
        let path = match number % 3 {
            0 => "/api/profile".to_owned(),
            _ => format!("/{number}/{}", "a".repeat(number % 50)),
        };
        let method = if number.is_multiple_of(2) {
            Method::GET
        } else {
            Method::from_bytes(format!("M{number}").as_bytes()).unwrap()
        };
        let request = client.request(method, format!("{origin}{path}"));
        let request = request.header("user-agent", format!("agent-{number}"));
        let request = request.bearer_auth(format!("token-{number}"));
        request.send().await.unwrap();
    };
    for number in 0..12 {
        send(number).await;
    }
    pair.site.api_login("nobody-0", "wrong").await;
    // Which events happen depends on the machine; their names are in the source.
    let names = |series: BTreeMap<String, f64>| {
        let names = series.into_keys();
        let names = names.filter(|name| !name.contains("_log_events_"));
        names.collect::<BTreeSet<_>>()
    };
    let before = (
        names(of_web(&mut pair).await),
        names(of_auth(&mut pair).await),
    );
    for number in 12..HOSTILE {
        send(number).await;
    }
    for number in 1..5 {
        pair.site
            .api_login(&format!("nobody-{number}"), "wrong")
            .await;
    }
    let after = (
        names(of_web(&mut pair).await),
        names(of_auth(&mut pair).await),
    );
    assert_eq!(before.0, after.0);
    assert_eq!(before.1, after.1);
    for name in before.0.iter().chain(&before.1) {
        assert!(
            !name.contains("nobody") && !name.contains("token-") && !name.contains("agent-"),
            "{name}"
        );
    }
}

/// The rows of a service: name, type and help of each metric.
fn rows(text: &str) -> String {
    let mut rows = String::new();
    let mut help = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').unwrap().1.trim_end_matches('.');
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            let suffix = if kind == "counter" { "_total" } else { "" };
            let suffix = if kind == "info" { "_info" } else { suffix };
            writeln!(rows, "| `{name}{suffix}` | {kind} | {help} |").unwrap();
        }
    }
    rows
}

#[tokio::test]
async fn document_lists_every_metric() {
    let directory = tempfile::tempdir().unwrap();
    make_authority(directory.path(), &["localhost"]);
    let file = |name: &str| directory.path().join(name).display().to_string();
    let redis = Redis::start().await;
    let mut pair = Pair::start_with(Options {
        web: vec![
            ("WEB_SESSION_STORE", redis.url()),
            ("WEB_AUTH_CA", file("authority.pem")),
        ],
        auth: vec![
            ("AUTH_REDIS_URL", redis.url()),
            ("AUTH_TLS_CERT", file("localhost.pem")),
            ("AUTH_TLS_KEY", file("localhost.key")),
        ],
    })
    .await;
    pair.add_user("ada", &[]).await;
    // A metric with labels is there from its first series on.
    live(&pair).await;
    let table = "| name | type | meaning |\n|---|---|---|\n";
    let auth = rows(&text(&mut pair.auth).await);
    let web = rows(&text(&mut pair.web).await);
    let document = format!(
        "# Metrics\n\n\
         `GET /metrics` on the ops ports (`AUTH_OPS_LISTEN`, `WEB_OPS_LISTEN`) returns them as OpenMetrics text. Times are in seconds, sizes in bytes. \
         No label contains a person, a login, a token, an OAuth client or a path: the values are names in the source, and their number is fixed.\n\n\
         ## auth-service\n\n{table}{auth}\n## web-service\n\n{table}{web}"
    );
    let file = root().join("docs/METRICS.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &document).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(written, document, "UPDATE_DOCS=1 writes docs/METRICS.md");
}
