//! A receiver of `/events/revocations`.

use futures_util::StreamExt as _;
use reqwest::Body;
use serde_json::Value;
use sse_stream::SseStream;

use crate::{pair::Pair, site::Site};

/// The messages of a stream.
pub struct Events(SseStream<Body>);

impl Events {
    /// Registers an OAuth client that may receive revocations, and opens a stream.
    pub async fn register(pair: &Pair, client_id: &str) -> Self {
        let scope = ["client", "add", client_id, "--scope", "revocations"];
        let add = [&scope[..], &["--audience", &pair.site.origin]].concat();
        let printed = pair.command(&add, "").await;
        let (_, secret) = printed.trim().split_once(' ').unwrap();
        Self::open(&pair.site, client_id, secret).await
    }

    async fn open(site: &Site, client_id: &str, secret: &str) -> Self {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", secret),
        ];
        let request = site.client().post(site.url("/oauth2/token")).form(&form);
        let tokens: Value = request.send().await.unwrap().json().await.unwrap();
        let request = site.client().get(site.url("/events/revocations"));
        let request = request.bearer_auth(tokens["access_token"].as_str().unwrap());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let body = axum::http::Response::from(response).into_body();
        Self(SseStream::new(body))
    }

    /// The next message; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let event = self.0.next().await?.ok()?;
            if let Some(data) = event.data {
                return Some(serde_json::from_str(&data).unwrap());
            }
        }
    }
}
