//! The ops port, which answers health probes and has the metrics: `GET /livez`, `GET /readyz` and `GET /metrics`.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use holdfast_metrics::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::connections::{BoundedListener, Connections};

const MAX_CONNECTIONS: usize = 64;
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The readiness of a service, as `/readyz` reports it.
#[async_trait]
pub trait Readiness: Send + Sync + 'static {
    /// Checks everything that the service depends on; returns a warning for the operator, if there is one.
    ///
    /// # Errors
    /// What is unavailable, in words for the operator.
    async fn ready(&self) -> Result<Option<String>, String>;
}

/// Answers probes, and requests for the metrics of `registry`, until `shutdown`, after which the port is closed.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    readiness: Arc<dyn Readiness>,
    registry: Registry,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let metrics = Router::new()
        .route("/metrics", get(metrics))
        .with_state(Arc::new(registry));
    let router = Router::new()
        .route("/livez", get(async || "live\n"))
        .route("/readyz", get(readyz))
        .with_state(readiness)
        .merge(metrics);
    let connections = Connections::new("ops", MAX_CONNECTIONS, IDLE_TIMEOUT);
    axum::serve(BoundedListener::new(listener, connections), router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

async fn metrics(State(registry): State<Arc<Registry>>) -> impl IntoResponse {
    let content_type = [(CONTENT_TYPE, holdfast_metrics::CONTENT_TYPE)];
    (content_type, holdfast_metrics::encode(&registry))
}

async fn readyz(State(readiness): State<Arc<dyn Readiness>>) -> (StatusCode, String) {
    match readiness.ready().await {
        Ok(None) => (StatusCode::OK, "ready\n".to_owned()),
        Ok(Some(warning)) => (StatusCode::OK, format!("ready\nwarning: {warning}\n")),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}
