//! The CORS protocol (Fetch §3.2) of the endpoints that pages of public OAuth clients call: only origins of registered redirect URIs read
//! the responses, and only they send requests with unsafe methods.
//!
//! These endpoints never use cookies, and so do not permit credentials.

use std::{collections::HashSet, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use holdfast_client::{AuthClient, AuthError};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    config::PublicUrl,
    http::{csrf, error_format::ErrorFormat, state::AppState},
    request::fetch_metadata::RequestInitiator,
};

/// How long the registered origins are cached: a client that was registered can be used after this time.
const CACHED_FOR: Duration = Duration::from_secs(10);

/// The request headers that pages may send.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, dpop");
/// The response headers that pages may read.
const RESPONSE_HEADERS: HeaderValue =
    HeaderValue::from_static("dpop-nonce, retry-after, www-authenticate");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");
/// How long a browser caches the response to a preflight request, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const VARY: (HeaderName, HeaderValue) = (header::VARY, HeaderValue::from_static("origin"));

/// The origins of the pages of public clients, as auth-service has them.
#[derive(Clone)]
pub struct BrowserOrigins {
    auth: AuthClient,
    cache: Arc<Mutex<Option<Cached>>>,
}

struct Cached {
    origins: HashSet<String>,
    read_at: Instant,
}

impl BrowserOrigins {
    /// The origins, of which none is cached yet.
    #[must_use]
    pub fn new(auth: AuthClient) -> Self {
        Self {
            auth,
            cache: Arc::default(),
        }
    }

    /// Whether pages of `origin` belong to a public client. While auth-service does not answer, what was known last counts.
    ///
    /// # Errors
    /// When nothing is known yet.
    async fn contain(&self, origin: &str) -> Result<bool, AuthError> {
        // Requests that arrive meanwhile wait for one call.
        let mut cache = self.cache.lock().await;
        let is_current = |cached: &Cached| cached.read_at.elapsed() < CACHED_FOR;
        if !cache.as_ref().is_some_and(is_current) {
            let read = self.auth.browser_origins().await;
            match (read, cache.as_mut()) {
                (Ok(origins), _) => *cache = Some(Cached::new(origins)),
                (Err(_), Some(known)) => known.read_at = Instant::now(),
                (Err(error), None) => return Err(error),
            }
        }
        let cached = cache.as_ref();
        Ok(cached.is_some_and(|cached| cached.origins.contains(origin)))
    }
}

impl Cached {
    fn new(origins: Vec<String>) -> Self {
        Self {
            origins: origins.into_iter().collect(),
            read_at: Instant::now(),
        }
    }
}

/// What requests to a path are checked against.
#[derive(Clone)]
pub(super) struct CorsPolicy {
    origins: BrowserOrigins,
    public_url: Arc<PublicUrl>,
    route: &'static str,
}

impl CorsPolicy {
    /// The policy of the path that has this route.
    pub(super) fn new(state: &AppState, route: &'static str) -> Self {
        Self {
            origins: state.browser_origins.clone(),
            public_url: Arc::clone(&state.public_url),
            route,
        }
    }
}

/// Answers preflight requests, rejects requests with unsafe methods of pages at other origins, and lets registered origins read the
/// response.
pub(super) async fn apply(
    State(policy): State<CorsPolicy>,
    request: Request,
    next: Next,
) -> Response {
    let origin = foreign_origin(request.headers(), &policy.public_url.origin);
    let permitted = match &origin {
        Foreign::Page(origin) => match permitted(&policy.origins, origin).await {
            Ok(permitted) => permitted,
            Err(error) => return ErrorFormat::ProblemJson.answer(error.into()),
        },
        Foreign::Unknown | Foreign::No => None,
    };
    let is_refused = origin != Foreign::No && permitted.is_none() && !request.method().is_safe();
    let mut response = if is_preflight(&request) {
        preflight(permitted.is_some())
    } else if is_refused {
        csrf::log_rejection(policy.route);
        ErrorFormat::ProblemJson.refuse_foreign()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.extend([VARY]);
    if let Some(origin) = permitted {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    }
    response
}

/// The page of another origin that caused a request.
#[derive(PartialEq, Eq)]
enum Foreign {
    /// There is none: the request is not a page's, or this origin's.
    No,
    /// A page of this origin, as the browser states it.
    Page(HeaderValue),
    /// A page whose origin the browser does not state.
    Unknown,
}

fn foreign_origin(headers: &HeaderMap, own_origin: &str) -> Foreign {
    if csrf::initiator(headers, own_origin) != RequestInitiator::Foreign {
        return Foreign::No;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => Foreign::Page(origin.clone()),
        _ => Foreign::Unknown,
    }
}

/// The origin, if its pages may read responses.
async fn permitted(
    origins: &BrowserOrigins,
    origin: &HeaderValue,
) -> Result<Option<HeaderValue>, AuthError> {
    let Ok(text) = origin.to_str() else {
        return Ok(None);
    };
    let is_known = origins.contain(text).await?;
    Ok(is_known.then(|| origin.clone()))
}

fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(is_permitted: bool) -> Response {
    if !is_permitted {
        return StatusCode::NO_CONTENT.into_response();
    }
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
