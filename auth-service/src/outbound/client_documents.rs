//! The metadata that OAuth clients publish (OAuth Client ID Metadata Document), read from where their `client_id` points to.

mod document;

use std::{
    collections::HashMap,
    fmt::Display,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use holdfast_core::{clock::Clock, rate_limited_log::LogRateLimiter};
use holdfast_identity::oauth::{ClientDocument, ClientDocuments, DocumentError};
use http::{Response, StatusCode, header};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use url::Url;

use crate::outbound::{OutboundClient, OutboundError};

static FAILURES: LogRateLimiter = LogRateLimiter::new("client_document.refused");

/// Greatest length of a document, in bytes.
const MAX_LENGTH: usize = 16 << 10;
/// Time in which a document has to arrive.
const LIMIT: Duration = Duration::from_secs(3);
/// Documents that are fetched at once.
const MAX_FETCHES: usize = 8;
/// Documents that are kept.
const MAX_KEPT: usize = 1000;
/// Least and greatest time for which a document is used without another look, and that where the response does not say.
const FRESH: (Duration, Duration, Duration) = (
    Duration::from_mins(1),
    Duration::from_hours(24),
    Duration::from_mins(5),
);
/// Fetches in a minute: from one host, and from all of them.
const BUDGET: (u32, u32) = (10, 300);
/// The period of the budget.
const BUDGET_PERIOD: Duration = Duration::from_mins(1);

/// Fetches documents, and keeps them while they are fresh.
pub struct FetchedDocuments(Arc<Inner>);

struct Inner {
    client: OutboundClient,
    clock: Arc<dyn Clock>,
    places: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: HashMap<Url, Kept>,
    budget: Budget,
}

struct Kept {
    document: Arc<ClientDocument>,
    fresh_until: OffsetDateTime,
}

/// Counts fetches, so that this service cannot be made to send others many requests.
#[derive(Default)]
struct Budget {
    ends_at: Option<OffsetDateTime>,
    total: u32,
    by_host: HashMap<String, u32>,
}

impl FetchedDocuments {
    /// Reads documents by this client.
    #[must_use]
    pub fn new(client: OutboundClient, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            client,
            clock,
            places: Semaphore::new(MAX_FETCHES),
            state: Mutex::default(),
        }))
    }
}

#[async_trait]
impl ClientDocuments for FetchedDocuments {
    async fn read(&self, url: &Url) -> Result<Arc<ClientDocument>, DocumentError> {
        if let Some(fresh) = self.0.fresh(url) {
            return Ok(fresh);
        }
        // A task, so that a caller who does not wait any longer finds the document when it tries again.
        let (inner, url) = (Arc::clone(&self.0), url.clone());
        let fetched = tokio::spawn(async move { inner.fetch(&url).await }).await;
        fetched.unwrap_or_else(|failed| Err(DocumentError::Unavailable(failed.to_string())))
    }

    fn forget(&self, url: &Url) {
        self.0.state().kept.remove(url);
    }
}

impl Inner {
    fn fresh(&self, url: &Url) -> Option<Arc<ClientDocument>> {
        let now = self.clock.now();
        let state = self.state();
        let kept = state.kept.get(url).filter(|kept| now < kept.fresh_until);
        kept.map(|kept| Arc::clone(&kept.document))
    }

    async fn fetch(&self, url: &Url) -> Result<Arc<ClientDocument>, DocumentError> {
        let host = url.host_str().unwrap_or_default();
        let has_budget = self.state().budget.take(host, self.clock.now());
        let place = self.places.try_acquire().ok().filter(|_| has_budget);
        let Some(_place) = place else {
            // Whoever causes many fetches does not keep people from signing in to a client that is known.
            if let Some(kept) = self.state().kept.get(url) {
                return Ok(Arc::clone(&kept.document));
            }
            let why = "too many are read at the moment; try again in a minute";
            return Err(DocumentError::Unavailable(why.to_owned()));
        };
        let (document, fresh_until) = self.request(url).await?;
        let mut state = self.state();
        if state.kept.len() >= MAX_KEPT {
            let oldest = state.kept.iter().min_by_key(|(_, kept)| kept.fresh_until);
            if let Some(oldest) = oldest.map(|(url, _)| url.clone()) {
                state.kept.remove(&oldest);
            }
        }
        let kept = Kept {
            document: Arc::clone(&document),
            fresh_until,
        };
        state.kept.insert(url.clone(), kept);
        Ok(document)
    }

    /// A document that is at the URL, and the time until which it is fresh.
    async fn request(
        &self,
        url: &Url,
    ) -> Result<(Arc<ClientDocument>, OffsetDateTime), DocumentError> {
        let response = self.client.get(url, (MAX_LENGTH, LIMIT)).await;
        let response = response.map_err(|error| {
            log(url, &error);
            DocumentError::Unavailable(public_reason(&error).to_owned())
        })?;
        if response.status() != StatusCode::OK {
            let why = format!("the response has the status {}", response.status());
            log(url, &why);
            return Err(DocumentError::Unavailable(why));
        }
        let fresh_until = self.clock.now() + freshness(&response);
        let document = parse(&response, url).map_err(|why| {
            log(url, &why);
            DocumentError::Invalid(why)
        })?;
        Ok((Arc::new(document), fresh_until))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Budget {
    /// Whether one more fetch is within the budget.
    fn take(&mut self, host: &str, now: OffsetDateTime) -> bool {
        if self.ends_at.is_none_or(|end| end <= now) {
            *self = Self {
                ends_at: Some(now + BUDGET_PERIOD),
                ..Self::default()
            };
        }
        let (of_host, of_all) = BUDGET;
        if self.total >= of_all {
            return false;
        }
        let taken = self.by_host.entry(host.to_owned()).or_default();
        if *taken >= of_host {
            return false;
        }
        *taken += 1;
        self.total += 1;
        true
    }
}

fn parse(response: &Response<Bytes>, url: &Url) -> Result<ClientDocument, String> {
    if !is_json(response) {
        return Err("the content type is not application/json".to_owned());
    }
    document::parse(response.body(), url)
}

/// What everybody may know of a failed request. The rest would show which names and addresses there are in the network of this service.
const fn public_reason(error: &OutboundError) -> &'static str {
    match error {
        OutboundError::TooLong(_) => "the document is too long",
        OutboundError::Http(_) => "the response is not valid",
        _ => "its server cannot be reached",
    }
}

fn log(url: &Url, error: &dyn Display) {
    FAILURES.log(|requests| {
        tracing::warn!(
            event = "client_document.refused",
            client_id = %url,
            %error,
            requests,
            "the metadata that an OAuth client publishes cannot be read or used"
        );
    });
}

/// Whether the content type is `application/json`, or one of that form such as `application/client+json`.
fn is_json(response: &Response<Bytes>) -> bool {
    let media_type = response.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| {
        let media_type = media_type.trim().to_ascii_lowercase();
        media_type == "application/json"
            || (media_type.starts_with("application/") && media_type.ends_with("+json"))
    })
}

/// How long a response is fresh (RFC 9111 §5.2.2.1), within the limits.
fn freshness(response: &Response<Bytes>) -> Duration {
    let (least, greatest, default) = FRESH;
    let directives = response
        .headers()
        .get_all(header::CACHE_CONTROL)
        .into_iter();
    let directives: Vec<_> = directives
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    if directives
        .iter()
        .any(|one| ["no-store", "no-cache"].contains(one))
    {
        return least;
    }
    let seconds = directives
        .iter()
        .find_map(|one| one.strip_prefix("max-age="));
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    seconds
        .map_or(default, Duration::from_secs)
        .clamp(least, greatest)
}

#[cfg(test)]
mod tests;
