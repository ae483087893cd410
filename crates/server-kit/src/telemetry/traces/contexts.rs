//! The trace contexts of spans, as OpenTelemetry assigns them.

use holdfast_trace::{SpanContexts, TraceParent};
use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt as _, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Reads and sets the contexts of the layer of `tracing-opentelemetry`.
pub(super) struct OpenTelemetryContexts;

impl SpanContexts for OpenTelemetryContexts {
    fn set_parent(&self, span: &Span, parent: &TraceParent) {
        let parent = SpanContext::new(
            TraceId::from(parent.trace_number()),
            SpanId::from(parent.span_number()),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        );
        // Fails where the layer is not installed: then nothing is exported.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }

    fn context_of(&self, span: &Span) -> Option<TraceParent> {
        let context = span.context();
        let span = context.span();
        let context = span.span_context();
        let trace_id = u128::from_be_bytes(context.trace_id().to_bytes());
        let span_id = u64::from_be_bytes(context.span_id().to_bytes());
        TraceParent::new(trace_id, span_id, context.is_sampled())
    }
}
