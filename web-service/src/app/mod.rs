//! The service as a whole: built from its configuration, and run until the stop signal.

mod certificate;
mod log_events;
mod metrics;
mod readiness;
mod session_store;
mod wiring;

use std::{net::SocketAddr, sync::Arc};

use anyhow::anyhow;
use holdfast_client::{AuthClient, AuthConfig, ConfigError, RevocationWatcher};
use holdfast_core::clock::Clock;
use holdfast_server_kit::{
    fd_limit, ops, passed_socket,
    service_manager::ServiceManager,
    shutdown::{OPS_DRAIN, Signals},
};
use tokio::{net::TcpListener, time::timeout};

use self::{certificate::CertificateUpdates, readiness::DependencyReadiness};
use crate::{
    config::{PublicUrl, ServeConfig},
    ext_authz::{self, ExtAuthz},
    http::{self, state::AppState},
    issuer,
    request::source::RequestReader,
    session::{codec::csrf_token::HmacCsrfTokens, store::redis::BreakerStore},
};

/// A service that is bound to its ports and not running yet.
pub struct App {
    port: http::Port,
    ops_listener: TcpListener,
    ext_authz_listener: Option<TcpListener>,
    state: AppState,
    certificate: Option<CertificateUpdates>,
    auth: AuthClient,
    revocations: RevocationWatcher,
    redis: Option<Arc<BreakerStore>>,
    clock: Arc<dyn Clock>,
}

/// Selects the cryptographic library of rustls for this process; dependencies may have compiled in more than one.
pub fn install_crypto_provider() {
    // A second call finds the choice of the first, which is the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

impl App {
    /// Loads the certificate, connects the session store, and binds the ports.
    ///
    /// # Errors
    /// When any of that fails.
    pub async fn build(config: ServeConfig, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Self::build_on(None, config, clock).await
    }

    /// The same with the socket of the HTTPS port that the service manager passed, if any.
    ///
    /// # Errors
    /// As for [`App::build`].
    pub async fn build_on(
        passed: Option<TcpListener>,
        config: ServeConfig,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let (tls, certificate) = certificate::load(config.tls, &clock)?.unzip();
        let listener = passed_socket::or_listen(passed, "WEB_LISTEN", config.listen)?;
        let port = listener.local_addr()?.port();
        let store = session_store::connect(config.session_store, &clock).await?;
        let auth = auth_client(&config.auth)?;
        let revocations = RevocationWatcher::new(clock.clone(), config.max_staleness, &auth);
        let redis = store.redis.clone();
        let state = wiring::state(wiring::Parts {
            auth: auth.clone(),
            revocations: revocations.clone(),
            store,
            clock: clock.clone(),
            public_url: config
                .public_url
                .unwrap_or_else(|| PublicUrl::localhost(port)),
            requests: RequestReader {
                trusted_proxies: Arc::new(config.trusted_proxies),
                cookie_names: Arc::new(config.cookie_names),
                csrf_tokens: Arc::new(HmacCsrfTokens::new(&config.secret_key)),
            },
            secret_key: config.secret_key,
            redirect_origins: config.return_origins,
            lifetimes: config.lifetimes,
            device_binding: config.device_binding,
            clear_site_data: config.clear_site_data,
        });
        let ext_authz = config.ext_authz_listen;
        Ok(Self {
            port: http::Port {
                listener,
                tls,
                max_connections: fd_limit::raise_fd_limit(config.max_connections),
            },
            ops_listener: bind("WEB_OPS_LISTEN", config.ops_listen)?,
            ext_authz_listener: ext_authz
                .map(|address| bind("WEB_EXT_AUTHZ_LISTEN", address))
                .transpose()?,
            state,
            certificate,
            auth,
            revocations,
            redis,
            clock,
        })
    }

    /// The address of the HTTPS port.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.port.listener.local_addr()?)
    }

    /// The address of the port for Envoy's `ext_authz`, if it is enabled.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn ext_authz_address(&self) -> anyhow::Result<Option<SocketAddr>> {
        let listener = self.ext_authz_listener.as_ref();
        Ok(listener.map(TcpListener::local_addr).transpose()?)
    }

    /// Serves until the stop signal, then lets requests in flight finish.
    ///
    /// # Errors
    /// When a listener fails.
    pub async fn run(self, signals: impl Into<Signals>) -> anyhow::Result<()> {
        let signals = signals.into();
        let shutdown = signals.shutdown.clone();
        let address = self.address()?;
        let readiness = Arc::new(self.readiness());
        tokio::spawn(self.auth.clone().keep_certificates_current(
            self.clock.clone(),
            signals.reload.clone(),
            shutdown.clone(),
        ));
        let revocations = self.revocations;
        tokio::spawn(revocations.clone().follow(self.auth, shutdown.clone()));
        revocations.wait_for_first_message().await;
        tracing::info!(
            event = "service.started",
            %address,
            ops_address = %self.ops_listener.local_addr()?,
            url = self.state.public_url.origin,
            "listening"
        );
        tokio::spawn(issuer::watch(
            self.state.auth.clone(),
            self.state.public_url.origin.clone(),
            shutdown.clone(),
        ));
        let registry = metrics::registry(&self.state);
        let ops = ops::serve(self.ops_listener, readiness, registry, shutdown.clone());
        let ops = tokio::spawn(ops);
        if let Some(certificate) = self.certificate {
            certificate.start(self.clock, &signals);
        }
        if let Some(listener) = self.ext_authz_listener {
            tracing::info!(event = "ext_authz.listening", address = %listener.local_addr()?, "listening for Envoy");
            let service = ExtAuthz {
                forward_auth: self.state.forward_auth.clone(),
                requests: self.state.requests.clone(),
            };
            tokio::spawn(ext_authz::serve(listener, service, shutdown.clone()));
        }
        let (streams, closing) = (self.state.event_streams.clone(), shutdown.clone());
        tokio::spawn(async move {
            closing.cancelled().await;
            streams.close();
        });
        let manager = ServiceManager::from_env();
        http::serve(self.port, &self.state, manager, shutdown.clone()).await?;
        shutdown.cancel();
        // Probes that are still in progress may finish.
        let _ = timeout(OPS_DRAIN, ops).await;
        tracing::info!(event = "service.stopped", "stopped");
        Ok(())
    }

    fn readiness(&self) -> DependencyReadiness {
        DependencyReadiness {
            auth: self.state.auth.clone(),
            revocations: self.state.revocations.clone(),
            sessions: self.state.sessions.clone(),
            redis: self.redis.clone(),
            request_limit: Arc::clone(&self.state.request_limit),
        }
    }
}

/// A client of auth-service; an error names the setting that it is about.
fn auth_client(config: &AuthConfig) -> anyhow::Result<AuthClient> {
    AuthClient::new(config).map_err(|error| {
        let setting = match error {
            ConfigError::NoUrl | ConfigError::Url { .. } => "WEB_AUTH_URL: ",
            ConfigError::ServiceSecret => "WEB_AUTH_SECRET: ",
            ConfigError::Tls(_) => "WEB_AUTH_CA, WEB_AUTH_CERT or WEB_AUTH_KEY: ",
            // Each message names its setting.
            ConfigError::TlsFiles(_) => "",
        };
        anyhow!("{setting}{error}")
    })
}

fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    passed_socket::or_listen(None, setting, address)
}
