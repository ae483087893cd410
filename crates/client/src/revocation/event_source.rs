//! The revocation stream over HTTPS, for applications without the service identity.

use std::{sync::Arc, time::Duration};

use auth_proto::v1::WatchRevocationsResponse;
use futures_util::StreamExt as _;
use holdfast_core::{clock::SystemClock, rate_limited_log::LogRateLimiter};
use reqwest::{Body, Client, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sse_stream::SseStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::revocation::{
    event::{EventId, RevocationEvent},
    events::STALE_AFTER,
    watcher::{Progress, RevocationWatcher, StreamSource},
};

/// Time for the response to a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Time after which a stream is opened again where there are too many.
const THROTTLED_PAUSE: Duration = Duration::from_secs(5);

static FAILURES: LogRateLimiter = LogRateLimiter::new("revocation_stream.failed");

/// `GET /events/revocations` of web-service, for an OAuth client that is registered with the scope `revocations`.
pub struct EventSource {
    http: Client,
    issuer: Url,
    client_id: String,
    client_secret: SecretString,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: SecretString,
}

/// Why the stream was not opened.
#[derive(Debug, thiserror::Error)]
enum EventSourceError {
    #[error("{0}")]
    Request(#[from] reqwest::Error),
    #[error("invalid issuer: {0}")]
    Url(#[from] url::ParseError),
    #[error("{path} answered {status}")]
    Status {
        path: &'static str,
        status: StatusCode,
    },
    #[error("no response in time")]
    Timeout(#[from] tokio::time::error::Elapsed),
}

impl EventSourceError {
    /// Whether the OAuth client has too many streams.
    fn is_throttled(&self) -> bool {
        matches!(self, Self::Status { status, .. } if *status == StatusCode::TOO_MANY_REQUESTS)
    }
}

impl EventSource {
    /// A source at `issuer`, the public URL of web-service. `http` must have no timeout for whole requests.
    #[must_use]
    pub const fn new(
        http: Client,
        issuer: Url,
        client_id: String,
        client_secret: SecretString,
    ) -> Self {
        Self {
            http,
            issuer,
            client_id,
            client_secret,
        }
    }

    /// Opens the stream after `position`, with a new access token.
    async fn open(&self, position: &EventId) -> Result<SseStream<Body>, EventSourceError> {
        const PATH: &str = "/events/revocations";
        let token = self.access_token().await?;
        let request = self
            .http
            .get(self.issuer.join(PATH)?)
            .bearer_auth(token.expose_secret())
            .header("last-event-id", position.to_string())
            .header(header::ACCEPT, "text/event-stream");
        let response = timeout(REQUEST_TIMEOUT, request.send()).await??;
        let response = successful(response, PATH)?;
        Ok(SseStream::new(http::Response::from(response).into_body()))
    }

    async fn access_token(&self) -> Result<SecretString, EventSourceError> {
        const PATH: &str = "/oauth2/token";
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "revocations"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose_secret()),
        ];
        let request = self.http.post(self.issuer.join(PATH)?).form(&form);
        let tokens = async {
            let response = successful(request.send().await?, PATH)?;
            Ok::<Tokens, EventSourceError>(response.json().await?)
        };
        Ok(timeout(REQUEST_TIMEOUT, tokens).await??.access_token)
    }
}

fn successful(
    response: reqwest::Response,
    path: &'static str,
) -> Result<reqwest::Response, EventSourceError> {
    match response.status() {
        StatusCode::OK => Ok(response),
        status => Err(EventSourceError::Status { path, status }),
    }
}

impl RevocationWatcher {
    /// A watcher with an empty set, which [`follow_events`](Self::follow_events) fills.
    #[must_use]
    pub fn of_events() -> Self {
        // The state of logins, which would outlast a disconnection, is for those that have sessions.
        Self::with_pending(Arc::new(SystemClock), STALE_AFTER, Arc::default())
    }

    /// Follows the stream of web-service until `shutdown`, and opens it again where it ended.
    pub async fn follow_events(self, source: EventSource, shutdown: CancellationToken) {
        let forever = self.follow_forever(&source);
        shutdown.run_until_cancelled(forever).await;
    }
}

impl StreamSource for EventSource {
    async fn follow_once(&self, watcher: &RevocationWatcher) {
        let mut progress = Progress::new();
        let opened = async { Some(self.open(&watcher.position()).await) };
        let mut stream = match progress.or_stopped(opened).await {
            Some(Ok(stream)) => stream,
            Some(Err(error)) => {
                log_failure(&error);
                if error.is_throttled() {
                    sleep(THROTTLED_PAUSE).await;
                }
                return;
            }
            None => return,
        };
        while let Some(message) = progress.or_stopped(next_message(&mut stream)).await {
            watcher.apply(message);
        }
    }
}

fn log_failure(error: &EventSourceError) {
    FAILURES.log(|times| {
        tracing::warn!(
            event = "revocation_stream.failed",
            %error,
            times,
            "the stream of revocations cannot be opened; retrying"
        );
    });
}

/// The next message; `None` when the stream ended, failed or is stale.
async fn next_message(stream: &mut SseStream<Body>) -> Option<WatchRevocationsResponse> {
    loop {
        let event = timeout(STALE_AFTER, stream.next()).await.ok()??.ok()?;
        // Other events have no data.
        let (Some(id), Some(data)) = (event.id, event.data) else {
            continue;
        };
        let message: RevocationEvent = serde_json::from_str(&data).ok()?;
        return Some(message.into_message(id.parse().ok()?));
    }
}
