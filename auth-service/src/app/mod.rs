//! The service as a whole: construction, and its life from start to stop.

mod build;
mod clock_checkpoint;
pub mod key_rotation;
mod leases;
mod log_events;
mod logout_delivery;
mod metrics;
mod operation_counters;
mod operations;
mod readiness;
mod retention;
mod secrets;
mod store;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use holdfast_core::steady_clock::SteadyClock;
use holdfast_crypto::jwt::Jwts;
use holdfast_identity::store::Store;
use holdfast_server_kit::{
    connections::BoundedListener,
    ops,
    request_limit::RequestLimit,
    service_manager::ServiceManager,
    shutdown::{DRAIN_DEADLINE, OPS_DRAIN, Signals},
};
use holdfast_tls::TlsWatch;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

pub use self::store::{command_audit, open_accounts, open_feed, open_store};
use self::{
    clock_checkpoint::{store_checkpoint, store_checkpoints},
    key_rotation::SigningKeys,
    logout_delivery::LogoutDispatcher,
    readiness::ServiceReadiness,
    retention::purge_regularly,
};
use crate::{grpc, revocation_feed::RevocationFeed};

/// A service that has bound its ports and does not serve yet.
pub struct App {
    listener: BoundedListener,
    ops_listener: TcpListener,
    server: grpc::Server,
    tls_watch: Option<TlsWatch>,
    manager: ServiceManager,
    store: Arc<dyn Store>,
    /// Identifies this process as the holder of leases.
    instance: String,
    feed: Arc<RevocationFeed>,
    keys: SigningKeys,
    logouts: LogoutDispatcher,
    jwts: Arc<Jwts>,
    audit_writer: JoinHandle<()>,
    audit_retention: Duration,
    steady: Arc<SteadyClock>,
    request_limit: Arc<RequestLimit>,
}

/// Selects AWS-LC as the cryptographic library of `jsonwebtoken` and `rustls`; dependencies may bring in others. Calls after the first
/// have no effect.
pub fn install_crypto_providers() {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

impl App {
    /// The address of the gRPC port.
    ///
    /// # Errors
    /// The socket has failed.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.address()?)
    }

    /// Serves until the stop signal, and returns when the requests in flight have finished, or after
    /// [`DRAIN_DEADLINE`].
    ///
    /// # Errors
    /// A listener failed.
    pub async fn run(self, signals: impl Into<Signals>) -> anyhow::Result<()> {
        let Signals { shutdown, reload } = signals.into();
        tracing::info!(
            event = "service.started",
            address = %self.listener.address()?,
            ops_address = %self.ops_listener.local_addr()?,
            "listening"
        );
        // Calls that are admitted during the drain need a current feed and current keys.
        let drained = CancellationToken::new();
        let feed = tokio::spawn(Arc::clone(&self.feed).keep_current(drained.clone()));
        let (ring, steady) = ((self.jwts, self.feed.clone()), self.steady.clone());
        tokio::spawn(self.keys.keep_current(ring, steady, drained.clone()));
        if let Some(watch) = self.tls_watch {
            tokio::spawn(watch.run(reload, shutdown.clone()));
        }
        let (store, steady) = (&self.store, &self.steady);
        tokio::spawn(purge_regularly(
            (store.clone(), self.instance.clone()),
            Arc::clone(steady),
            self.audit_retention,
            shutdown.clone(),
        ));
        tokio::spawn(store_checkpoints(
            store.clone(),
            Arc::clone(steady),
            shutdown.clone(),
        ));
        let registry = metrics::registry(&self.feed, &self.request_limit, &self.logouts);
        let logouts = tokio::spawn(self.logouts.run(shutdown.clone()));
        let readiness = ServiceReadiness::new(store.clone(), self.request_limit);
        readiness.standby_warning().await;
        let ops = ops::serve(
            self.ops_listener,
            Arc::new(readiness),
            registry,
            shutdown.clone(),
        );
        let ops = tokio::spawn(ops);
        tokio::spawn(self.manager.supervise(Vec::new(), shutdown.clone()));

        tokio::select! {
            served = self.server.serve(self.listener, shutdown.clone()) => served?,
            () = drain_deadline(&shutdown) => tracing::warn!(
                event = "drain.deadline_exceeded",
                "requests were still in flight after {DRAIN_DEADLINE:?}; they were aborted"
            ),
        }
        shutdown.cancel();
        drained.cancel();
        // Health probes in progress, the queued audit events and logout tokens have the same second.
        let _ = tokio::join!(
            timeout(OPS_DRAIN, ops),
            timeout(OPS_DRAIN, self.audit_writer),
            timeout(OPS_DRAIN, logouts),
            feed
        );
        store_checkpoint(&**store, steady).await;
        leases::release(&**store, &self.instance).await;
        store.close().await;
        tracing::info!(event = "service.stopped", "stopped");
        Ok(())
    }
}

async fn drain_deadline(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(DRAIN_DEADLINE).await;
}
