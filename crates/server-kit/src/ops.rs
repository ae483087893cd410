//! The ops port: `GET /livez` and `GET /readyz`, for probes only.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::connections::{BoundedListener, Connections};

/// Probes are few.
const MAX_CONNECTIONS: usize = 64;
const MAX_SILENCE: Duration = Duration::from_secs(10);

/// Whether a service can do its work now.
#[async_trait]
pub trait Readiness: Send + Sync + 'static {
    /// Asks what the service depends on.
    ///
    /// # Errors
    /// What is missing, in words for the operator.
    async fn ready(&self) -> Result<(), String>;
}

/// Answers probes until `shutdown`; from then on the service counts as not ready.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    readiness: Arc<dyn Readiness>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let router = Router::new()
        .route("/livez", get(async || "live\n"))
        .route("/readyz", get(readyz))
        .with_state(readiness);
    let connections = Connections::new(MAX_CONNECTIONS, MAX_SILENCE);
    axum::serve(BoundedListener::new(listener, connections), router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

async fn readyz(State(readiness): State<Arc<dyn Readiness>>) -> (StatusCode, String) {
    match readiness.ready().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("{missing}\n")),
    }
}
