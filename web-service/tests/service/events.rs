//! `GET /events/revocations`.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::Value;
use sse_stream::SseStream;
use tokio::time::timeout;

use crate::support::{RECEIVER_SECRET, Site, assert_problem, header, until};

/// Time in which an event arrives: there is one each second.
const PATIENCE: Duration = Duration::from_secs(10);

/// The events of a response.
struct Events(SseStream<Body>);

impl Events {
    /// The next event: its identifier and its data. `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        let event = timeout(PATIENCE, self.0.next()).await.unwrap()?.ok()?;
        let data = serde_json::from_str(&event.data.unwrap()).unwrap();
        Some((event.id.unwrap(), data))
    }

    /// The next event with an entry, and the identifier of the event.
    async fn next_entry(&mut self) -> (String, Value) {
        loop {
            let (id, event) = self.next().await.unwrap();
            if let Some(entry) = event["revocations"].as_array().unwrap().first() {
                return (id, entry.clone());
            }
        }
    }

    async fn end(&mut self) {
        while self.next().await.is_some() {}
    }
}

impl Site {
    async fn with_receiver() -> Self {
        let site = Self::with_shop("ada").await;
        site.add_receiver("receiver", "revocations").await;
        site
    }

    async fn open(&self, token: &str, last: &str) -> Response {
        let request = self.request(Method::GET, "/events/revocations");
        let request = request.bearer_auth(token).header("last-event-id", last);
        request.send().await.unwrap()
    }

    async fn events(&self, token: &str, last: &str) -> Events {
        let response = self.open(token, last).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-type"), "text/event-stream");
        let body = axum::http::Response::from(response).into_body();
        Events(SseStream::new(body))
    }
}

#[tokio::test]
async fn stream_begins_with_a_snapshot_and_reports_each_end() {
    let site = Site::with_receiver().await;
    let ended = site.sign_in("ada").await;
    site.end_session(&ended).await;
    let token = site.token_of("receiver").await;
    let mut events = site.events(&token, "").await;
    let (first, event) = events.next().await.unwrap();
    assert_eq!(event["snapshot"], true, "{event}");
    assert_eq!(event["current"], true, "{event}");
    assert!(event["time"].is_i64(), "{event}");
    assert_eq!(event["revocations"].as_array().unwrap().len(), 1, "{event}");

    let cookie = site.sign_in("ada").await;
    let sid = site.session(&cookie).await["sid"].clone();
    site.end_session(&cookie).await;
    let (second, entry) = events.next_entry().await;
    assert_eq!(entry["sid"], sid, "{entry}");
    assert!(entry["expires_at"].is_i64(), "{entry}");
    assert_ne!(first, second);

    let mut resumed = site.events(&token, &first).await;
    let (_, event) = resumed.next().await.unwrap();
    assert_eq!(event["snapshot"], false, "{event}");
    assert_eq!(event["revocations"][0]["sid"], sid, "{event}");
    let mut resumed = site.events(&token, &second).await;
    let (_, event) = resumed.next().await.unwrap();
    let nothing = event["revocations"].as_array().unwrap().is_empty();
    assert!(nothing && event["snapshot"] == false, "{event}");
}

#[tokio::test]
async fn position_of_another_history_begins_a_snapshot() {
    let site = Site::with_receiver().await;
    let token = site.token_of("receiver").await;
    for last in ["", "x", "another:7", ":-1", "another:seven"] {
        let (_, event) = site.events(&token, last).await.next().await.unwrap();
        assert_eq!(event["snapshot"], true, "{last}: {event}");
    }
}

#[tokio::test]
async fn token_without_scope_or_of_a_person_is_refused() {
    let site = Site::with_receiver().await;
    site.add_receiver("other", "orders:read").await;
    let missing = site.request(Method::GET, "/events/revocations");
    assert_problem(missing.send().await.unwrap(), 401, "TOKEN_MISSING").await;
    let other = site.open(&site.token_of("other").await, "").await;
    assert_problem(other, 403, "INSUFFICIENT_SCOPE").await;
    let (person, _) = site.tokens("ada").await;
    assert_problem(site.open(&person, "").await, 403, "INSUFFICIENT_SCOPE").await;
}

#[tokio::test]
async fn stream_ends_with_its_access_token() {
    let site = Site::with_receiver().await;
    let token = site.token_of("receiver").await;
    let mut events = site.events(&token, "").await;
    events.next().await.unwrap();
    let form = [
        ("token", &*token),
        ("client_id", "receiver"),
        ("client_secret", RECEIVER_SECRET),
    ];
    let revoked = site.oauth("/oauth2/revoke", &form).await;
    assert_eq!(revoked.status(), 200);
    events.end().await;

    let token = site.token_of("receiver").await;
    let mut events = site.events(&token, "").await;
    events.next().await.unwrap();
    site.clock.advance(Duration::from_mins(16));
    events.end().await;
}

#[tokio::test]
async fn seventeenth_stream_of_a_client_waits_for_an_earlier_one() {
    let site = Site::with_receiver().await;
    let token = site.token_of("receiver").await;
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(site.events(&token, "").await);
    }
    let refused = site.open(&token, "").await;
    assert!(refused.headers().contains_key("retry-after"));
    assert_problem(refused, 429, "THROTTLED").await;
    drop(streams);
    let opened = async || {
        let status = site.open(&token, "").await.status();
        (status == StatusCode::OK).then_some(())
    };
    until("a stream", opened).await;
}
