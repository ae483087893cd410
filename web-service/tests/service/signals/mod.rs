//! `/ssf/…`: security events for receivers (OpenID Shared Signals Framework 1.0, RFC 8936).

mod poll;
mod stream;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Site, claims_of, header};

const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const CREDENTIAL_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/credential-change";

/// A receiver with an access token of its own.
struct Receiver {
    site: Site,
    token: String,
}

impl Receiver {
    async fn start() -> Self {
        let site = Site::with_shop("ada").await;
        site.add_receiver("desk", "ssf.manage").await;
        let token = site.token_of("desk").await;
        Self { site, token }
    }

    /// A receiver with a stream, and the stream's identifier.
    async fn with_stream() -> (Self, String) {
        let receiver = Self::start().await;
        let stream = receiver.create(&json!({})).await;
        let id = stream["stream_id"].as_str().unwrap().to_owned();
        (receiver, id)
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        let request = self.site.request(method, path).bearer_auth(&self.token);
        request.json(body).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        let request = self.site.request(Method::GET, path);
        request.bearer_auth(&self.token).send().await.unwrap()
    }

    async fn create(&self, properties: &Value) -> Value {
        let created = self.send(Method::POST, "/ssf/stream", properties).await;
        assert_eq!(created.status(), 201);
        created.json().await.unwrap()
    }

    async fn poll(&self, stream: &str, request: &Value) -> Value {
        let path = format!("/ssf/poll/{stream}");
        let polled = self.send(Method::POST, &path, request).await;
        assert_eq!(polled.status(), 200);
        assert_eq!(header(&polled, "cache-control"), "no-store");
        polled.json().await.unwrap()
    }

    /// The claims of the events that there are.
    async fn events(&self, stream: &str) -> Vec<Value> {
        let polled = self.poll(stream, &json!({"returnImmediately": true})).await;
        let sets = polled["sets"].as_object().unwrap();
        sets.iter()
            .map(|(jti, set)| {
                let claims = claims_of(set);
                assert_eq!(claims["jti"], **jti);
                claims
            })
            .collect()
    }

    async fn set_status(&self, stream: &str, status: &str) -> Value {
        let body = json!({"stream_id": stream, "status": status, "reason": "maintenance"});
        let changed = self.send(Method::POST, "/ssf/status", &body).await;
        assert_eq!(changed.status(), 200);
        let changed: Value = changed.json().await.unwrap();
        assert_eq!(changed, body);
        changed
    }

    /// Begins and ends a login, whose `sid` it returns.
    async fn end_a_login(&self) -> Value {
        let cookie = self.site.sign_in("ada").await;
        let sid = self.site.session(&cookie).await["sid"].clone();
        self.site.end_session(&cookie).await;
        sid
    }
}
