//! The bodies of requests, read before a request counts among those that are worked on.

use std::{convert::Infallible, net::IpAddr, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::{DefaultBodyLimit, Request},
    http::Method,
    routing::future::RouteFuture,
};
use service_kit::request_body::{BodyError, BodyReader};
use tower::Service as _;

use super::router;

/// The largest request body, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// How long one may take to arrive.
const DEADLINE: Duration = Duration::from_secs(10);
/// How many may be on their way at once.
const MAX_UNFINISHED: usize = 1024;

/// A reader for all requests of the service.
pub(super) fn reader() -> BodyReader {
    BodyReader::new(MAX_UNFINISHED, MAX_BODY, DEADLINE)
}

/// Whether the request waits for its body: not where no handler reads one, and not for one that is refused by its length.
pub(super) fn is_awaited(request: &Request) -> bool {
    let body = request.body();
    !body.is_end_stream()
        && !matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        )
        && !router::is_about_another_request(request.uri().path())
        && body.size_hint().lower() <= MAX_BODY as u64
}

/// Applies the limit to what the routes read.
pub(super) fn limit(request: &mut Request) {
    DefaultBodyLimit::max(MAX_BODY).apply(request);
}

/// What the routes do with the request, once its body is there.
pub(super) async fn route(
    bodies: &BodyReader,
    mut routes: Router,
    request: Request,
    client: IpAddr,
) -> Result<RouteFuture<Infallible>, BodyError> {
    let (head, body) = request.into_parts();
    let body = bodies.read(body, client).await?;
    let mut request = Request::from_parts(head, Body::from(body));
    limit(&mut request);
    Ok(routes.call(request))
}
