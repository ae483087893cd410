//! For each row of "What an outage looks like" in `docs/OPERATIONS.md`: the metric of its alarm moves. That the alarm fires on such samples is
//! tested by `deploy/monitoring/rules_test.yml`.

mod cases;

use std::collections::BTreeMap;

use e2e::{
    balancer::Balancer,
    clock::WrongClock,
    flood,
    pair::{Options, PASSWORD, Pair},
    port,
    postgres::Postgres,
    redis::Redis,
    relying_party::RelyingParty,
    wait::until,
};
use rustix::process::Signal;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::metrics::{of_auth, of_web};

type Series = BTreeMap<String, f64>;

/// The value of a series; 0 for one that there is not yet.
fn value(series: &Series, name: &str) -> f64 {
    series.get(name).copied().unwrap_or(0.0)
}

const WEB_BREAKER_OF_REDIS: &str = r#"holdfast_web_circuit_breakers_open{peer="redis"}"#;
const AUTH_BREAKER_OF_REDIS: &str = r#"holdfast_auth_circuit_breakers_open{peer="redis"}"#;
const WEB_BREAKERS_OF_AUTH: &str = r#"holdfast_web_circuit_breakers_open{peer="auth_service"}"#;
const OPENINGS_OF_AUTH: &str =
    r#"holdfast_web_circuit_breaker_openings_total{peer="auth_service"}"#;

/// Waits until sign-ins over REST have failed with a 5xx.
async fn failed_sign_ins(pair: &mut Pair) {
    let failed =
        r#"holdfast_web_http_requests_total{route="api.login",method="POST",status="5xx"}"#;
    until("failed sign-ins", async || {
        pair.site.api_login("ada", PASSWORD).await;
        (value(&of_web(pair).await, failed) >= 1.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn lost_auth_service_disconnects_stream_and_opens_circuit_breaker() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let connected = "holdfast_web_revocation_stream_connected";
    until("the revocation stream", async || {
        (of_web(&mut pair).await[connected] > 0.5).then_some(())
    })
    .await;
    pair.auth.signal(Signal::KILL);
    pair.auth.exit().await;
    let web = until("the end of the revocation stream", async || {
        let web = of_web(&mut pair).await;
        (web[connected] < 0.5).then_some(web)
    })
    .await;
    let behind = "holdfast_web_revocation_log_entries_behind";
    assert!(!web.contains_key(behind), "it is not known");
    failed_sign_ins(&mut pair).await;
    assert!(value(&of_web(&mut pair).await, OPENINGS_OF_AUTH) >= 1.0);
}

#[tokio::test]
async fn redis_without_writes_fails_sign_ins() {
    let redis = Redis::start().await;
    let mut pair = Pair::start_with(Options {
        web: vec![("WEB_SESSION_STORE", redis.url())],
        ..Options::default()
    })
    .await;
    pair.add_user("ada", &[]).await;
    redis
        .cli(&["CONFIG", "SET", "min-replicas-to-write", "1"])
        .await;
    assert_eq!(pair.site.try_form_login("ada").await.status(), 503);
    let web = of_web(&mut pair).await;
    for name in [
        r#"holdfast_web_http_requests_total{route="page.login.submit",method="POST",status="5xx"}"#,
        r#"holdfast_web_log_events_total{event="session_store.unavailable"}"#,
    ] {
        assert!(value(&web, name) >= 1.0, "{name}: {web:#?}");
    }
}

#[tokio::test]
async fn loss_of_one_auth_service_opens_its_circuit_breaker() {
    let (here, away) = (port::free(), port::free());
    let urls = format!("http://127.0.0.1:{away},http://127.0.0.1:{here}");
    let mut pair = Pair::start_with(Options {
        auth: vec![("AUTH_LISTEN", format!("127.0.0.1:{here}"))],
        web: vec![("WEB_AUTH_URL", urls)],
    })
    .await;
    pair.add_user("ada", &[]).await;
    until("the circuit breaker", async || {
        pair.site.api_login("ada", PASSWORD).await;
        let web = of_web(&mut pair).await;
        let is_open = value(&web, WEB_BREAKERS_OF_AUTH) > 0.5;
        (is_open && value(&web, OPENINGS_OF_AUTH) >= 1.0).then_some(())
    })
    .await;
    assert_eq!(pair.site.api_login("ada", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn suspended_redis_opens_circuit_breakers_of_both_services() {
    let (sessions, counters) = tokio::join!(Redis::start(), Redis::start());
    let mut pair = Pair::start_with(Options {
        web: vec![("WEB_SESSION_STORE", sessions.url())],
        auth: vec![("AUTH_REDIS_URL", counters.url())],
    })
    .await;
    pair.add_user("ada", &[]).await;
    let cookie = pair.site.form_login("ada").await;
    counters.hang(true);
    until("the circuit breaker of auth-service", async || {
        let answer = pair.site.api_login("ada", "wrong").await;
        assert!(answer.status() == 401 || answer.status() == 429);
        (value(&of_auth(&mut pair).await, AUTH_BREAKER_OF_REDIS) > 0.5).then_some(())
    })
    .await;
    let failures = value(
        &of_auth(&mut pair).await,
        "holdfast_auth_redis_command_failures_total",
    );
    assert!(failures >= 1.0);
    sessions.hang(true);
    until("the circuit breaker of web-service", async || {
        pair.site.get("/api/session", &cookie).await;
        (value(&of_web(&mut pair).await, WEB_BREAKER_OF_REDIS) > 0.5).then_some(())
    })
    .await;
    let timeouts = "holdfast_web_session_store_timeouts_total";
    assert!(value(&of_web(&mut pair).await, timeouts) >= 1.0);
}

#[tokio::test]
async fn locked_database_fails_sign_ins() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let file = pair.directory.path().join("auth.db");
    let options = SqliteConnectOptions::new().filename(file);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    let lock = sqlx::query("BEGIN IMMEDIATE").execute(&mut database).await;
    lock.unwrap();
    failed_sign_ins(&mut pair).await;
    let failed = r#"holdfast_auth_grpc_requests_total{method="AuthService/StartAuthentication",code="UNAVAILABLE"}"#;
    let event = r#"holdfast_auth_log_events_total{event="store.unavailable"}"#;
    let refused = r#"holdfast_auth_grpc_refusals_total{reason="STORE_UNAVAILABLE"}"#;
    let auth = of_auth(&mut pair).await;
    for name in [failed, event, refused] {
        assert!(value(&auth, name) >= 1.0, "{name}: {auth:#?}");
    }
}

#[tokio::test]
async fn age_of_revocation_log_grows_without_database() {
    let mut server = Postgres::start(false).await;
    let mut pair = Pair::start_with(Options {
        auth: vec![
            ("AUTH_DATABASE_URL", Postgres::url_at(server.port())),
            ("AUTH_SINGLE_INSTANCE", "true".to_owned()),
        ],
        ..Options::default()
    })
    .await;
    server.kill().await;
    until("an old revocation log", async || {
        let age = "holdfast_auth_revocation_log_read_age_seconds";
        (of_auth(&mut pair).await[age] > 3.0).then_some(())
    })
    .await;
    let event = r#"holdfast_auth_log_events_total{event="revocation_feed.read_failed"}"#;
    assert!(value(&of_auth(&mut pair).await, event) >= 1.0);
}

#[tokio::test]
async fn wrong_passwords_are_counted_as_refused_and_throttled() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    until("a throttled sign-in", async || {
        (pair.site.api_login("ada", "wrong").await.status() == 429).then_some(())
    })
    .await;
    let auth = of_auth(&mut pair).await;
    for kind in ["SIGN_IN_REFUSED", "SIGN_IN_THROTTLED"] {
        let name = format!("holdfast_auth_audit_events_total{{kind=\"{kind}\"}}");
        assert!(value(&auth, &name) >= 1.0, "{kind}: {auth:#?}");
    }
    for outcome in ["refused", "throttled"] {
        let name = format!(
            "holdfast_auth_authentication_attempts_total{{factor=\"password\",outcome=\"{outcome}\"}}"
        );
        assert!(value(&auth, &name) >= 1.0, "{outcome}: {auth:#?}");
    }
}

#[tokio::test]
async fn surplus_of_sign_ins_is_refused_by_password_queue() {
    let mut pair = Pair::start_with(Options {
        auth: vec![("AUTH_ARGON2_CONCURRENCY", "1".to_owned())],
        ..Options::default()
    })
    .await;
    pair.add_user("ada", &[]).await;
    let outcome = flood::run(&pair.auth_address.to_string(), "ada", PASSWORD).await;
    assert!(outcome.refused > 0);
    let auth = of_auth(&mut pair).await;
    for name in [
        "holdfast_auth_password_queue_refusals_total",
        r#"holdfast_auth_audit_events_total{kind="SIGN_IN_OVERLOADED"}"#,
    ] {
        assert!(value(&auth, name) >= 1.0, "{name}: {auth:#?}");
    }
}

/// `up` is the result of the scrape.
#[tokio::test]
async fn lost_web_service_is_not_scraped_and_starts_at_another_time() {
    let mut pair = Pair::start().await;
    let started = "process_start_time_seconds";
    let before = of_web(&mut pair).await[started];
    let metrics = format!("http://{}/metrics", pair.web.ops_address().await);
    assert!(reqwest::get(&metrics).await.is_ok());
    pair.web.signal(Signal::TERM);
    assert!(pair.web.exit().await.success());
    assert!(reqwest::get(&metrics).await.is_err());
    pair.start_web_again().await;
    assert!(of_web(&mut pair).await[started] > before);
}

#[tokio::test]
async fn age_of_revocation_stream_grows_while_it_is_cut() {
    let (here, between) = (port::free(), port::free());
    let link = Balancer::start(between, vec![([127, 0, 0, 1], here).into()]).await;
    let mut pair = Pair::start_with(Options {
        auth: vec![("AUTH_LISTEN", format!("127.0.0.1:{here}"))],
        web: vec![("WEB_AUTH_URL", format!("http://127.0.0.1:{between}"))],
    })
    .await;
    let age = "holdfast_web_revocation_stream_message_age_seconds";
    until("the revocation stream", async || {
        of_web(&mut pair).await.contains_key(age).then_some(())
    })
    .await;
    link.hang(true);
    until("an old revocation stream", async || {
        (of_web(&mut pair).await[age] > 3.0).then_some(())
    })
    .await;
}

/// The alarm is raised from 300 seconds on, as `deploy/monitoring/rules_test.yml` tests.
#[tokio::test]
async fn lost_relying_party_leaves_ends_pending() {
    let mut pair = Pair::start_with(Options {
        auth: vec![("AUTH_OUTBOUND_PRIVATE_ADDRESSES", "on".to_owned())],
        ..Options::default()
    })
    .await;
    pair.add_user("ada", &[]).await;
    let closed = format!("http://127.0.0.1:{}/logout", port::free());
    RelyingParty::register(&pair, &["--backchannel-logout-uri", &closed]).await;
    let cookie = pair.site.form_login("ada").await;
    RelyingParty::sign_in(&pair.site, &cookie).await;
    let age = "holdfast_auth_backchannel_logout_oldest_pending_seconds";
    assert!(value(&of_auth(&mut pair).await, age) < 0.5);
    let status = pair.site.press("/dashboard", "/logout", &cookie).await;
    assert_eq!(status, 303);
    until("an old end of a session", async || {
        (value(&of_auth(&mut pair).await, age) > 1.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn leap_of_clock_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let clock = WrongClock::new(directory.path());
    let mut pair = Pair::start_with(Options {
        auth: clock.settings().to_vec(),
        ..Options::default()
    })
    .await;
    clock.set(90);
    until("the leap", async || {
        let event = r#"holdfast_auth_log_events_total{event="clock.leapt"}"#;
        (value(&of_auth(&mut pair).await, event) >= 1.0).then_some(())
    })
    .await;
}
