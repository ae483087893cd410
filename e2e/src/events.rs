//! A receiver of `/events/revocations`.

use futures_util::StreamExt as _;
use reqwest::Body;
use serde_json::Value;
use sse_stream::SseStream;

use crate::pair::Pair;

/// The messages of a stream.
pub struct Events(SseStream<Body>);

impl Events {
    /// Registers an OAuth client that may receive revocations, and opens a stream.
    pub async fn register(pair: &Pair, client_id: &str) -> Self {
        let token = pair.own_token(client_id, "revocations").await;
        let site = &pair.site;
        let request = site.client().get(site.url("/events/revocations"));
        let request = request.bearer_auth(token);
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

impl Pair {
    /// Registers an OAuth client with a scope, and returns an access token of its own.
    pub async fn own_token(&self, client_id: &str, scope: &str) -> String {
        let add = ["client", "add", client_id, "--scope", scope];
        let add = [&add[..], &["--audience", &self.site.origin]].concat();
        let printed = self.command(&add, "").await;
        let (_, secret) = printed.trim().split_once(' ').unwrap();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", secret),
        ];
        let request = self.site.client().post(self.site.url("/oauth2/token"));
        let tokens: Value = request
            .form(&form)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        tokens["access_token"].as_str().unwrap().to_owned()
    }
}
