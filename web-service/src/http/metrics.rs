//! Metrics of HTTP requests, by route, method and class of status.

use std::sync::{LazyLock, OnceLock};

use axum::http::{Method, StatusCode};
use holdfast_metrics::{
    Counter, Counters, Histogram, Histograms, Registry, duration_histograms, observe,
};
use tokio::time::Instant;

static REQUESTS: LazyLock<Counters<3>> = LazyLock::new(Counters::default);
static DURATIONS: LazyLock<Histograms<1>> = LazyLock::new(duration_histograms);

/// Adds them to a registry.
pub(crate) fn register(registry: &mut Registry) {
    registry.register(
        "http_requests",
        "HTTP requests that were answered, by route, method and class of status",
        REQUESTS.clone(),
    );
    registry.register(
        "http_request_duration_seconds",
        "Duration of HTTP requests from their head until the response begins, by route",
        DURATIONS.clone(),
    );
}

/// The methods that are told apart.
const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other",
];
/// The classes of status.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The position of a method in [`METHODS`].
#[derive(Clone, Copy, Debug)]
pub(super) struct MethodIndex(usize);

impl MethodIndex {
    pub(super) fn of(method: &Method) -> Self {
        let known = METHODS.iter().position(|name| method.as_str() == *name);
        Self(known.unwrap_or(METHODS.len() - 1))
    }

    pub(super) fn name(self) -> &'static str {
        METHODS.get(self.0).copied().unwrap_or_default()
    }
}

/// What is counted of one route. The series are looked up once, not for each request.
#[derive(Debug)]
pub(super) struct RouteMetrics {
    durations: OnceLock<Histogram>,
    requests: [[OnceLock<Counter>; CLASSES.len()]; METHODS.len()],
}

impl RouteMetrics {
    /// Without requests.
    pub(super) const fn new() -> Self {
        Self {
            durations: OnceLock::new(),
            requests: [const { [const { OnceLock::new() }; CLASSES.len()] }; METHODS.len()],
        }
    }

    /// Counts a request to the route of this name.
    pub(super) fn record(
        &self,
        route: &'static str,
        method: MethodIndex,
        status: StatusCode,
        begun: Instant,
    ) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        let counter = self.requests.get(method.0).and_then(|row| row.get(class));
        if let Some(counter) = counter {
            let counter = counter.get_or_init(|| {
                REQUESTS.get_or_create_owned(&[
                    ("route", route),
                    ("method", method.name()),
                    ("status", CLASSES.get(class).copied().unwrap_or_default()),
                ])
            });
            counter.inc();
        }
        let durations = self
            .durations
            .get_or_init(|| DURATIONS.get_or_create_owned(&[("route", route)]));
        observe(durations, begun.elapsed());
    }
}
