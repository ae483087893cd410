//! The span of a request, which is that of a trace if the request is sampled.

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode},
};
use holdfast_client::request_id::RequestId;
use holdfast_trace::{TARGET, TRACEPARENT, TraceParent};
use tracing::{Span, field::Empty};

use crate::{
    http::{extract::peer::peer_address, metrics::MethodIndex},
    request::trusted_proxies::TrustedProxies,
};

/// Bytes of a path in a trace, so that the spans that wait have a limit, too.
const MAX_PATH: usize = 256;

/// The span of a request to `route`. Queries are not logged: they may contain addresses that a person was going to.
pub(super) fn of_request(
    id: RequestId,
    request: &Request,
    route: &'static str,
    proxies: &TrustedProxies,
) -> Span {
    let (id, method, path) = (id.as_str(), request.method(), request.uri().path());
    if holdfast_trace::is_enabled() {
        let parent = parent(request, proxies);
        if holdfast_trace::sample(parent.as_ref()) {
            let path = &path[..path.floor_char_boundary(MAX_PATH)];
            let span = tracing::info_span!(
                target: TARGET,
                "request",
                otel.name = format!("{} {route}", MethodIndex::of(method).name()),
                otel.kind = "server",
                otel.status_code = Empty,
                http.route = route,
                http.response.status_code = Empty,
                id,
                %method,
                path,
                trace_id = Empty,
            );
            holdfast_trace::begin(&span, parent.as_ref());
            return span;
        }
    }
    tracing::info_span!("request", id, %method, path)
}

/// Writes the status of the response into the current span.
pub(super) fn record_status(status: StatusCode) {
    if holdfast_trace::is_sampled() {
        let span = Span::current();
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
    }
}

/// The trace that a trusted proxy began. From others none is accepted: they could fill the collector, and join the traces of others.
fn parent(request: &Request, proxies: &TrustedProxies) -> Option<TraceParent> {
    let parent = only(request.headers())?;
    let peer = peer_address(request.extensions());
    proxies.contains(peer).then(|| parent.parse().ok())?
}

/// The header, unless it is repeated (W3C Trace Context, §3.2).
fn only(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()
}
