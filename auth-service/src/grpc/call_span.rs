//! The span of a call, which is that of a trace if the call is sampled.

use std::{sync::Arc, time::Duration};

use holdfast_trace::{TARGET, TRACEPARENT, TraceParent};
use http::{Request, Response};
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, MakeSpan, OnResponse};
use tracing::{Level, Span, field::Empty};

use crate::grpc::{call_context::ServiceIdentity, metrics};

/// The header field of a status (gRPC over HTTP/2, "Responses"), in a response without messages.
const STATUS: &str = "grpc-status";
/// The codes of faults of this service: `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE` and `DATA_LOSS`
/// (OpenTelemetry, "Semantic conventions for gRPC").
const FAULTS: [&str; 6] = ["2", "4", "12", "13", "14", "15"];

/// Makes the spans of calls. Traces of web-service are continued. A sampled one of another caller is not: it could fill the collector, and join
/// the traces of others.
#[derive(Clone)]
pub(super) struct CallSpans(pub(super) Arc<ServiceIdentity>);

impl CallSpans {
    fn parent<B>(&self, request: &Request<B>) -> Option<TraceParent> {
        let parent = request.headers().get(TRACEPARENT)?;
        let parent: TraceParent = parent.to_str().ok()?.parse().ok()?;
        (!parent.is_sampled() || self.0.recognize_head(request)).then_some(parent)
    }

    /// The span of a sampled call.
    fn sampled<B>(&self, request: &Request<B>) -> Option<Span> {
        if !holdfast_trace::is_enabled() {
            return None;
        }
        let parent = self.parent(request);
        if !holdfast_trace::sample(parent.as_ref()) {
            return None;
        }
        let span = tracing::info_span!(
            target: TARGET,
            "request",
            otel.name = metrics::method_name(request.uri().path()),
            otel.kind = "server",
            otel.status_code = Empty,
            rpc.system = "grpc",
            rpc.grpc.status_code = Empty,
            trace_id = Empty,
        );
        holdfast_trace::begin(&span, parent.as_ref());
        Some(span)
    }
}

impl<B> MakeSpan<B> for CallSpans {
    fn make_span(&mut self, request: &Request<B>) -> Span {
        self.sampled(request)
            .unwrap_or_else(|| DefaultMakeSpan::new().level(Level::INFO).make_span(request))
    }
}

/// Writes the status of a response into its span.
#[derive(Clone)]
pub(super) struct RecordStatus;

impl<B> OnResponse<B> for RecordStatus {
    fn on_response(self, response: &Response<B>, latency: Duration, span: &Span) {
        let status = response.headers().get(STATUS);
        if let Some(status) = status.and_then(|status| status.to_str().ok()) {
            span.record("rpc.grpc.status_code", status);
            if FAULTS.contains(&status) {
                span.record("otel.status_code", "ERROR");
            }
        }
        let log = DefaultOnResponse::new().level(Level::DEBUG);
        log.on_response(response, latency, span);
    }
}
