//! Traces of requests, as a collector receives them.

use std::time::Duration;

use auth_proto::v1::{GetJwksRequest, auth_service_client::AuthServiceClient};
use e2e::{
    collector::{Collector, ReceivedSpan},
    pair::{Options, Pair},
    port,
    postgres::Postgres,
    redis::Redis,
    wait::{until, until_within},
};
use reqwest::StatusCode;
use tonic::transport::Endpoint;

use crate::metrics::{series, text};

/// The context that a proxy sends: sampled, or not.
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "00f067aa0ba902b7";

/// Time for which the requests of a dead or slow collector may last together.
const NO_DELAY: Duration = Duration::from_secs(5);

/// The settings of a pair that sends its traces to `collector`, of this part of the requests, and trusts this machine as a proxy.
fn options(collector: &str, ratio: &str, redis: &Redis) -> Options {
    let traces = |endpoint, part| {
        [
            (endpoint, format!("http://{collector}")),
            (part, ratio.to_owned()),
        ]
    };
    let mut web = vec![("WEB_SESSION_STORE", redis.url())];
    web.extend(traces("WEB_OTLP_ENDPOINT", "WEB_TRACE_RATIO"));
    web.push(("WEB_TRUSTED_PROXIES", "127.0.0.1".to_owned()));
    let mut auth = vec![("AUTH_REDIS_URL", redis.url())];
    auth.extend(traces("AUTH_OTLP_ENDPOINT", "AUTH_TRACE_RATIO"));
    Options { web, auth }
}

async fn pair(collector: &str, ratio: &str, redis: &Redis) -> Pair {
    let pair = Pair::start_with(options(collector, ratio, redis)).await;
    pair.add_user("ada", &[]).await;
    pair
}

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE_ID}-{PARENT_ID}-{flags}")
}

async fn sign_in(pair: &Pair, traceparent: Option<String>) -> StatusCode {
    let body = serde_json::json!({"username": "ada", "password": pair.site.password});
    let mut request = pair.site.client().post(pair.site.url("/api/login"));
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    request.json(&body).send().await.unwrap().status()
}

/// The spans of the trace, as soon as the collector has one of each of these names.
async fn spans(collector: &Collector, trace_id: &str, names: &[&str]) -> Vec<ReceivedSpan> {
    until("the spans of the trace", async || {
        let mut spans = collector.spans();
        spans.retain(|span| span.trace_id() == trace_id);
        let has = |name: &&str| spans.iter().any(|span| span.span.name == **name);
        names.iter().all(has).then_some(spans)
    })
    .await
}

#[tokio::test]
async fn trace_of_a_proxy_is_continued_through_both_services_to_the_statements() {
    let collector = Collector::start(Duration::ZERO).await;
    let redis = Redis::start().await;
    let mut pair = pair(&collector.address.to_string(), "0", &redis).await;
    assert_eq!(sign_in(&pair, Some(traceparent("01"))).await, 200);

    let names = [
        "auth-service call",
        "password hash",
        "group commit",
        "statement",
    ];
    let spans = spans(&collector, TRACE_ID, &names).await;
    let parent_of = |span: &ReceivedSpan| {
        let parent = &span.span.parent_span_id;
        spans.iter().find(|other| other.span.span_id == *parent)
    };
    let is_entry =
        |span: &&ReceivedSpan| span.service == "web-service" && parent_of(span).is_none();
    let entry: Vec<_> = spans.iter().filter(is_entry).collect();
    assert_eq!(entry.len(), 1, "{spans:#?}");
    let entry = entry[0];
    assert_eq!(
        entry.text("http.route"),
        entry.span.name.strip_prefix("POST ")
    );
    assert_eq!(
        entry.span.parent_span_id,
        0x00f0_67aa_0ba9_02b7_u64.to_be_bytes()
    );
    // Every other span leads to it.
    for span in &spans {
        let mut ancestor = span;
        while let Some(parent) = parent_of(ancestor) {
            ancestor = parent;
        }
        assert_eq!(ancestor.span.span_id, entry.span.span_id, "{span:?}");
    }
    let statement = spans.iter().find(|span| {
        let text = span.text("db.query.text").unwrap_or_default();
        text.starts_with("INSERT INTO logins")
    });
    let statement = statement.expect("the statement of the login");
    assert_eq!(statement.service, "auth-service");
    assert!(!format!("{spans:?}").contains(&pair.site.password));

    let line = pair.auth.logged("audit").await;
    let audit = pair.auth.output();
    assert!(audit.contains(TRACE_ID), "{line}");
    until("the trace in the log of web-service", async || {
        pair.web.output().contains(TRACE_ID).then_some(())
    })
    .await;
}

#[tokio::test]
async fn request_is_sampled_as_its_parent_and_without_one_by_the_ratio() {
    let collector = Collector::start(Duration::ZERO).await;
    let redis = Redis::start().await;
    let pair = pair(&collector.address.to_string(), "1", &redis).await;
    assert_eq!(sign_in(&pair, Some(traceparent("00"))).await, 200);
    assert_eq!(sign_in(&pair, None).await, 200);
    // Spans are sent in their order.
    until("a trace of its own", async || {
        let spans = collector.spans();
        let services = ["web-service", "auth-service"];
        let has = |service: &str| spans.iter().any(|span| span.service == service);
        services.iter().all(|service| has(service)).then_some(())
    })
    .await;
    let spans = collector.spans();
    assert!(
        spans.iter().all(|span| span.trace_id() != TRACE_ID),
        "{spans:?}"
    );
}

/// A sender that is neither a trusted proxy nor web-service cannot have requests traced, nor join the traces of others.
#[tokio::test]
async fn sampled_trace_of_an_untrusted_sender_is_not_continued() {
    let collector = Collector::start(Duration::ZERO).await;
    let redis = Redis::start().await;
    let address = collector.address.to_string();
    let mut options = options(&address, "1", &redis);
    options
        .web
        .retain(|(name, _)| *name != "WEB_TRUSTED_PROXIES");
    let pair = Pair::start_with(options).await;
    pair.add_user("ada", &[]).await;
    assert_eq!(sign_in(&pair, Some(traceparent("01"))).await, 200);
    let channel = Endpoint::from_shared(format!("http://{}", pair.auth_address)).unwrap();
    let mut direct = AuthServiceClient::new(channel.connect().await.unwrap());
    let mut call = tonic::Request::new(GetJwksRequest {});
    let metadata = call.metadata_mut();
    metadata.insert("traceparent", traceparent("01").parse().unwrap());
    direct.get_jwks(call).await.unwrap();
    until("both requests", async || {
        let spans = collector.spans();
        let has = |name: &str| spans.iter().any(|span| span.span.name == name);
        (has("AuthService/GetJwks") && has("POST api.login")).then_some(())
    })
    .await;
    let spans = collector.spans();
    assert!(
        spans.iter().all(|span| span.trace_id() != TRACE_ID),
        "{spans:?}"
    );
}

#[tokio::test]
async fn statements_on_postgresql_are_in_the_trace() {
    let collector = Collector::start(Duration::ZERO).await;
    let redis = Redis::start().await;
    let database = Postgres::start(false).await;
    let mut options = options(&collector.address.to_string(), "0", &redis);
    let url = ("AUTH_DATABASE_URL", Postgres::url_at(database.port()));
    options.auth.push(url);
    let pair = Pair::start_with(options).await;
    pair.add_user("ada", &[]).await;
    assert_eq!(sign_in(&pair, Some(traceparent("01"))).await, 200);
    let spans = spans(&collector, TRACE_ID, &["statement"]).await;
    let statement = spans.iter().find(|span| span.span.name == "statement");
    let statement = statement.unwrap();
    assert_eq!(statement.text("db.system.name"), Some("postgresql"));
    assert!(statement.text("db.query.text").is_some(), "{statement:?}");
}

#[tokio::test]
async fn dead_collector_delays_nothing_and_its_spans_are_counted() {
    let redis = Redis::start().await;
    let address = format!("127.0.0.1:{}", port::free());
    let mut pair = pair(&address, "1", &redis).await;
    let begun = std::time::Instant::now();
    for _ in 0..5 {
        assert_eq!(sign_in(&pair, None).await, 200);
    }
    assert!(begun.elapsed() < NO_DELAY, "{:?}", begun.elapsed());
    until("the dropped spans", async || {
        let metrics = series(&text(&mut pair.web).await);
        (metrics["holdfast_web_trace_spans_dropped_total"] > 0.0).then_some(())
    })
    .await;
    until("the log line", async || {
        let output = pair.web.output();
        output.contains("traces.export_failed").then_some(())
    })
    .await;

    let collector = Collector::start_at(&address, Duration::ZERO).await;
    until("spans of later requests", async || {
        assert_eq!(sign_in(&pair, None).await, 200);
        (!collector.spans().is_empty()).then_some(())
    })
    .await;
    drop(collector);
    let begun = std::time::Instant::now();
    pair.web.stop().await;
    assert!(begun.elapsed() < NO_DELAY, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn slow_collector_delays_nothing_and_receives_the_last_spans_at_the_stop() {
    let collector = Collector::start(Duration::from_millis(700)).await;
    let redis = Redis::start().await;
    let pair = pair(&collector.address.to_string(), "1", &redis).await;
    let begun = std::time::Instant::now();
    for _ in 0..5 {
        assert_eq!(sign_in(&pair, None).await, 200);
    }
    assert!(begun.elapsed() < NO_DELAY, "{:?}", begun.elapsed());
    pair.web.stop().await;
    until_within(NO_DELAY, "the last span", async || {
        let spans = collector.spans();
        let entries = spans
            .iter()
            .filter(|span| span.service == "web-service" && span.span.parent_span_id.is_empty());
        (entries.count() >= 5).then_some(())
    })
    .await;
}
