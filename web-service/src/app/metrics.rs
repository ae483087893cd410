//! The metrics of the service.

use holdfast_metrics::Registry;
use holdfast_server_kit::{
    connections, ops, register_refusals, request_limit::RequestLimit, telemetry::traces,
};

use crate::{
    app::log_events::LOG_EVENTS,
    http::{self, state::AppState},
    session::store,
};

/// The registry with all metrics of the process.
pub(super) fn registry(state: &AppState) -> Registry {
    let mut registry = Registry::default();
    holdfast_metrics::register_process(&mut registry, env!("CARGO_PKG_VERSION"));
    let own = registry.sub_registry_with_prefix("holdfast_web");
    http::register_metrics(own);
    store::register_metrics(own);
    state.revocations.register(own);
    state.event_streams.register(own);
    RequestLimit::register(&state.request_limit, own);
    connections::register_metrics(own);
    register_refusals(own);
    ops::register(own);
    holdfast_client::register_metrics(own);
    holdfast_tls::register_metrics(own);
    traces::register(own);
    holdfast_metrics::register_log_events(own, LOG_EVENTS);
    registry
}
