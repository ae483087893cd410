//! The bodies of requests, read before a request takes a request slot.

use std::{convert::Infallible, net::IpAddr, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody as _},
    extract::{DefaultBodyLimit, Request},
    http::Method,
    routing::future::RouteFuture,
};
use holdfast_server_kit::request_body::{BodyError, BodyReader};
use tower::Service as _;

use crate::http::router::RoutePolicy;

/// Largest request body, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// In place of a body whose announced length is above the limit: the body is not read, and the route rejects this one.
static TOO_LARGE: [u8; MAX_BODY + 1] = [0; MAX_BODY + 1];
/// Time in which a body has to arrive.
const DEADLINE: Duration = Duration::from_secs(10);
/// Number of bodies that may be incomplete at once.
const MAX_UNFINISHED: usize = 1024;

/// The reader of all bodies of the service.
pub(super) fn reader() -> BodyReader {
    BodyReader::new(MAX_UNFINISHED, MAX_BODY, DEADLINE)
}

/// Whether the body is read before the handler runs. No handler of a safe method has one.
pub(super) fn is_awaited(request: &Request, policy: RoutePolicy) -> bool {
    let body = request.body();
    !body.is_end_stream()
        && !matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        )
        && policy.reads_body()
}

/// Applies the limit to the extractors of the handler.
pub(super) fn limit(request: &mut Request) {
    DefaultBodyLimit::max(MAX_BODY).apply(request);
}

/// Reads the body, and calls the router with the complete request.
pub(super) async fn route(
    bodies: &BodyReader,
    mut routes: Router,
    request: Request,
    client: IpAddr,
) -> Result<RouteFuture<Infallible>, BodyError> {
    let (head, body) = request.into_parts();
    let body = if body.size_hint().lower() > MAX_BODY as u64 {
        Bytes::from_static(&TOO_LARGE)
    } else {
        bodies.read(body, client).await?
    };
    let mut request = Request::from_parts(head, Body::from(body));
    limit(&mut request);
    Ok(routes.call(request))
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        pin::Pin,
        task::{Context, Poll},
    };

    use axum::{body::HttpBody, http::StatusCode, routing::post};
    use http_body::{Frame, SizeHint};

    use super::*;
    use crate::http::router::PolicyLookup;

    fn is_awaited(request: &Request) -> bool {
        super::is_awaited(request, PolicyLookup::new().find(request))
    }

    /// A body that announces its length and never arrives.
    struct Announced(u64);

    impl HttpBody for Announced {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.0)
        }
    }

    async fn status(body: Body) -> Result<StatusCode, BodyError> {
        let routes = Router::new().route("/", post(async |_: Bytes| {}));
        let request = Request::post("/").body(body).unwrap();
        assert!(is_awaited(&request));
        let client = Ipv4Addr::LOCALHOST.into();
        let Ok(response) = route(&reader(), routes, request, client).await?.await;
        Ok(response.status())
    }

    #[tokio::test(start_paused = true)]
    async fn body_above_the_limit_is_rejected_without_reading_it() {
        let begun = tokio::time::Instant::now();
        for body in [
            Body::new(Announced(70_000)),
            Body::from(vec![0; 70_000]),
            Body::from_stream(Body::from(vec![0; 70_000]).into_data_stream()),
        ] {
            assert_eq!(status(body).await, Ok(StatusCode::PAYLOAD_TOO_LARGE));
        }
        assert_eq!(
            status(Body::from(vec![0; MAX_BODY])).await,
            Ok(StatusCode::OK)
        );
        assert!(begun.elapsed().is_zero());

        let late = status(Body::new(Announced(40))).await;
        assert_eq!(late, Err(BodyError::TooSlow));
        assert_eq!(begun.elapsed(), DEADLINE);
    }

    #[test]
    fn body_that_no_handler_reads_is_not_awaited() {
        for (method, path) in [("GET", "/login"), ("HEAD", "/"), ("POST", "/auth/verify")] {
            let request = Request::builder().method(method).uri(path);
            let request = request.body(Body::new(Announced(40))).unwrap();
            assert!(!is_awaited(&request), "{method} {path}");
        }
    }
}
