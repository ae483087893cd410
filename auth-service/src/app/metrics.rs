//! The metrics of the service.

use std::sync::Arc;

use holdfast_metrics::Registry;
use holdfast_server_kit::{
    connections, ops, register_refusals, request_limit::RequestLimit, telemetry::traces,
};

use crate::{
    app::{
        key_rotation, leases, log_events::LOG_EVENTS, logout_delivery::LogoutDispatcher,
        operation_counters,
    },
    grpc,
    revocation_feed::RevocationFeed,
    storage::{audit_trail, redis},
};

/// The registry with all metrics of the process.
pub(super) fn registry(
    feed: &Arc<RevocationFeed>,
    requests: &Arc<RequestLimit>,
    logouts: &LogoutDispatcher,
) -> Registry {
    let mut registry = Registry::default();
    holdfast_metrics::register_process(&mut registry, env!("CARGO_PKG_VERSION"));
    let own = registry.sub_registry_with_prefix("holdfast_auth");
    audit_trail::register(own);
    operation_counters::register(own);
    RevocationFeed::register(feed, own);
    RequestLimit::register(requests, own);
    connections::register_metrics(own);
    register_refusals(own);
    ops::register(own);
    grpc::register_metrics(own);
    key_rotation::register(own);
    leases::register(own);
    logouts.register(own);
    redis::register(own);
    holdfast_crypto::argon2id::register(own);
    holdfast_circuit_breaker::register(own);
    #[cfg(feature = "postgres")]
    holdfast_store_postgres::register_metrics(own);
    holdfast_store_sqlite::register_metrics(own);
    holdfast_tls::register_metrics(own);
    traces::register(own);
    holdfast_metrics::register_log_events(own, LOG_EVENTS);
    registry
}
