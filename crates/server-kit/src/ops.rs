//! The ops port, which answers health probes: `GET /livez` and `GET /readyz`.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{Router, extract::State, http::StatusCode, routing::get};
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

/// Answers probes until `shutdown`, after which the port is closed.
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
    let connections = Connections::new(MAX_CONNECTIONS, IDLE_TIMEOUT);
    axum::serve(BoundedListener::new(listener, connections), router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

async fn readyz(State(readiness): State<Arc<dyn Readiness>>) -> (StatusCode, String) {
    match readiness.ready().await {
        Ok(None) => (StatusCode::OK, "ready\n".to_owned()),
        Ok(Some(warning)) => (StatusCode::OK, format!("ready\nwarning: {warning}\n")),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}
