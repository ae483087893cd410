//! Traces: which requests are sampled, and the spans of those that are.
//!
//! A sampled request has a span with the target [`TARGET`], and within it [`child_span!`] makes spans of the same target; these are exported.
//! Nothing else is: without an exporter, and in a request that is not sampled, no such span exists, and asking for one reads one variable.

mod sampler;
mod trace_parent;

use std::sync::OnceLock;

use holdfast_core::{random::Random, split_mix::SplitMix64};
#[doc(hidden)]
pub use tracing;
use tracing::{Span, field::display};

use self::sampler::Sampler;
pub use self::{
    sampler::{InvalidRatio, Ratio},
    trace_parent::{InvalidTraceParent, TraceParent},
};

/// The target of spans that are exported.
pub const TARGET: &str = "holdfast::trace";

/// The header field, and metadata entry, with the trace that a request belongs to (W3C Trace Context, §3.2).
pub const TRACEPARENT: &str = "traceparent";

/// What knows the trace contexts of spans: the exporter.
pub trait SpanContexts: Send + Sync {
    /// Makes a span of another process the parent of `span`, which has no context yet.
    fn set_parent(&self, span: &Span, parent: &TraceParent);

    /// The context of a span; `None` if it is not exported.
    fn context_of(&self, span: &Span) -> Option<TraceParent>;
}

struct Tracing {
    sampler: Sampler,
    contexts: Box<dyn SpanContexts>,
}

static TRACING: OnceLock<Tracing> = OnceLock::new();

/// Turns traces on, for the rest of the process: `ratio` of the requests are sampled, and `contexts` knows their spans. Calls after the first
/// have no effect.
pub fn enable(ratio: Ratio, random: &dyn Random, contexts: Box<dyn SpanContexts>) {
    let sampler = Sampler::new(ratio, SplitMix64::seeded_by(random));
    let _ = TRACING.set(Tracing { sampler, contexts });
}

/// Whether traces are on.
#[must_use]
pub fn is_enabled() -> bool {
    TRACING.get().is_some()
}

/// Whether a request is sampled: as its parent is, and without a parent by the ratio.
#[must_use]
pub fn sample(parent: Option<&TraceParent>) -> bool {
    TRACING.get().is_some_and(|tracing| match parent {
        Some(parent) => parent.is_sampled(),
        None => tracing.sampler.sample(),
    })
}

/// Begins the part of a trace that this process has, on the span of a request: of the target [`TARGET`], with an empty field `trace_id`.
pub fn begin(span: &Span, parent: Option<&TraceParent>) {
    let Some(Tracing { contexts, .. }) = TRACING.get() else {
        return;
    };
    if let Some(parent) = parent {
        contexts.set_parent(span, parent);
    }
    if let Some(context) = contexts.context_of(span) {
        span.record("trace_id", display(context.trace_id()));
    }
}

/// Whether the current span is one of a sampled request.
#[must_use]
pub fn is_sampled() -> bool {
    is_enabled()
        && Span::current()
            .metadata()
            .is_some_and(|metadata| metadata.target() == TARGET)
}

/// The context to send with a call to another service: that of the current span, or one that is not sampled, so that the other service does
/// not begin a trace of its own. `None` while traces are off.
#[must_use]
pub fn outgoing() -> Option<TraceParent> {
    let tracing = TRACING.get()?;
    Some(current().unwrap_or_else(|| tracing.sampler.unsampled()))
}

/// The context of the current span, if it is one of a sampled request.
#[must_use]
pub fn current() -> Option<TraceParent> {
    let tracing = TRACING.get()?;
    is_sampled().then(|| tracing.contexts.context_of(&Span::current()))?
}

/// A span within a sampled request, with the fields of [`tracing::info_span!`]; [`Span::none`] elsewhere.
#[macro_export]
macro_rules! child_span {
    ($($span:tt)+) => {
        if $crate::is_sampled() {
            $crate::tracing::info_span!(target: $crate::TARGET, $($span)+)
        } else {
            $crate::tracing::Span::none()
        }
    };
}
