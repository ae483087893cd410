//! Puts the parts together, and runs them.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use async_trait::async_trait;
use axum_server::tls_rustls::RustlsConfig;
use service_kit::{
    descriptors,
    ops::{self, Readiness},
    shutdown::OPS_DRAIN,
    system::{Clock, SystemRandom},
};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    clients::{auth::GrpcAuth, late::Late, revocations::EndedLogins},
    config::{PublicUrl, ServeConfig, SessionStoreConfig, TlsConfig},
    crypto::{device_proofs::MacDeviceProofs, fingerprint::Sha256, form_token::MacFormTokens},
    domain::{
        auth::Auth,
        bindings::{Bindings, DeviceBinding},
        device::Once,
        judge::Judge,
        revocations::Revocations,
        sessions::{SessionRecords, Sessions},
    },
    envoy,
    http::{
        self,
        state::{AppState, Parts, SiteData},
    },
    storage::{
        memory::MemoryStore,
        once::MemoryOnce,
        redis,
        sealed::SealedRecords,
        tracked::{Opened, TrackedRecords},
    },
    tls::{certificate::CertificateFiles, local_authority::LocalAuthority, renewal},
};

/// A service that is bound to its ports and not running yet.
pub struct App {
    port: http::Port,
    ops_listener: TcpListener,
    ext_authz_listener: Option<TcpListener>,
    state: AppState,
    certificate: Option<Certificate>,
    auth: GrpcAuth,
    ended_logins: EndedLogins,
    clock: Arc<dyn Clock>,
}

/// The files that are served, and the authority that makes them where none were given.
struct Certificate {
    files: CertificateFiles,
    authority: Option<LocalAuthority>,
}

/// Chooses the cryptographic library for this process; more than one may be compiled in by others.
pub fn install_crypto_provider() {
    // A second call finds the first one's choice, which is the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

impl App {
    /// Opens the certificate and the session store, and binds the ports.
    ///
    /// # Errors
    /// When any of that fails.
    pub async fn build(config: ServeConfig, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let certificate = certificate(config.tls, &*clock)?;
        let served = match &certificate {
            Some(certificate) => Some(RustlsConfig::from_config(certificate.files.load()?)),
            None => None,
        };
        let listener = bind("WEB_LISTEN", config.listen).await?;
        let port = listener.local_addr()?.port();
        let random = Arc::new(SystemRandom);
        let (records, once) = session_store(config.session_store, &clock).await?;
        let auth = GrpcAuth::new(&config.auth)?;
        let ended_logins = EndedLogins::new(clock.clone(), config.max_staleness, &auth);
        let public_url = config
            .public_url
            .unwrap_or_else(|| PublicUrl::localhost(port));
        let has_other_origins = config.return_origins.has_others(&public_url.origin);
        if has_other_origins && config.device_binding.binding == DeviceBinding::Prefer {
            tracing::info!(
                "sessions are not bound to devices: WEB_RETURN_ORIGINS lists applications at other origins, where browsers do not \
                 renew the proof; WEB_DEVICE_BINDING=require binds them nevertheless"
            );
        }
        let late = Arc::new(Late::start(Arc::new(auth.clone())));
        let sessions = Sessions::new(records, clock.clone(), config.lifetimes);
        let judge = Judge::new(
            Arc::new(auth.clone()),
            Arc::new(ended_logins.clone()),
            Arc::new(Sha256),
            clock.clone(),
        );
        let state = AppState::from(Parts {
            auth: Arc::new(auth.clone()),
            judge,
            end_later: late.clone(),
            revocations: Arc::new(ended_logins.clone()),
            bindings: Bindings {
                policy: config.device_binding,
                proofs: Arc::new(MacDeviceProofs::new(&config.secret_key, random.clone())),
                has_other_origins,
                once,
                sessions: sessions.clone(),
                reports: late,
                clock: clock.clone(),
            },
            sessions,
            cookie_names: Arc::new(config.cookie_names),
            form_tokens: Arc::new(MacFormTokens::new(&config.secret_key)),
            random,
            trusted_proxies: Arc::new(config.trusted_proxies),
            return_origins: Arc::new(config.return_origins),
            clock: clock.clone(),
            site_data: SiteData {
                is_cleared: config.clear_site_data,
            },
            public_url: Arc::new(public_url),
        });
        Ok(Self {
            port: http::Port {
                listener,
                tls: served,
                max_connections: descriptors::for_connections(config.max_connections),
            },
            ops_listener: bind("WEB_OPS_LISTEN", config.ops_listen).await?,
            ext_authz_listener: match config.ext_authz_listen {
                Some(address) => Some(bind("WEB_EXT_AUTHZ_LISTEN", address).await?),
                None => None,
            },
            state,
            certificate,
            auth,
            ended_logins,
            clock,
        })
    }

    /// Where HTTPS is served.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.port.listener.local_addr()?)
    }

    /// Where Envoy asks over gRPC, if it may.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn ext_authz_address(&self) -> anyhow::Result<Option<SocketAddr>> {
        let listener = self.ext_authz_listener.as_ref();
        Ok(listener.map(TcpListener::local_addr).transpose()?)
    }

    /// Serves until `shutdown`, then lets the requests in flight finish.
    ///
    /// # Errors
    /// When a listener fails.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let address = self.address()?;
        let ended_logins = self.ended_logins;
        tokio::spawn(ended_logins.clone().follow(self.auth, shutdown.clone()));
        ended_logins.first_heard().await;
        tracing::info!(
            %address,
            ops_address = %self.ops_listener.local_addr()?,
            url = self.state.public_url.origin,
            "listening"
        );
        let readiness = Arc::new(DependencyReadiness {
            auth: self.state.auth.clone(),
            revocations: self.state.revocations.clone(),
            sessions: self.state.sessions.clone(),
        });
        let ops = tokio::spawn(ops::serve(self.ops_listener, readiness, shutdown.clone()));
        if let (Some(served), Some(certificate)) = (&self.port.tls, self.certificate) {
            tokio::spawn(renewal::keep_current(
                served.clone(),
                certificate.files,
                certificate.authority,
                self.clock,
                shutdown.clone(),
            ));
        }

        if let Some(listener) = self.ext_authz_listener {
            tracing::info!(address = %listener.local_addr()?, "listening for Envoy");
            let served = envoy::serve(listener, self.state.clone(), shutdown.clone());
            tokio::spawn(served);
        }
        http::serve(self.port, &self.state, shutdown.clone()).await?;
        shutdown.cancel();
        // Whoever still asks there has had their time.
        let _ = timeout(OPS_DRAIN, ops).await;
        tracing::info!("stopped");
        Ok(())
    }
}

async fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{setting}: cannot listen on {address}"))
}

async fn session_store(
    config: SessionStoreConfig,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<(Arc<dyn SessionRecords>, Arc<dyn Once>)> {
    let random = Arc::new(SystemRandom);
    Ok(match config {
        SessionStoreConfig::Memory => {
            let store = Arc::new(MemoryStore::new(clock.clone()));
            (
                Arc::new(SealedRecords::new(store, random)),
                Arc::new(MemoryOnce::new(clock.clone())),
            )
        }
        SessionStoreConfig::Redis(config) => {
            let redis = redis::connect(config).await?;
            let opened = Opened::default();
            redis.track(opened.clone());
            let records = SealedRecords::new(redis.clone(), random);
            (Arc::new(TrackedRecords::new(records, opened)), redis)
        }
    })
}

fn certificate(config: TlsConfig, clock: &dyn Clock) -> anyhow::Result<Option<Certificate>> {
    match config {
        TlsConfig::Off => Ok(None),
        TlsConfig::Files { certificate, key } => Ok(Some(Certificate {
            files: CertificateFiles { certificate, key },
            authority: None,
        })),
        TlsConfig::Local(directory) => {
            let authority = LocalAuthority::new(directory);
            authority.ensure(clock.now())?;
            Ok(Some(Certificate {
                files: CertificateFiles {
                    certificate: authority.certificate_file(),
                    key: authority.key_file(),
                },
                authority: Some(authority),
            }))
        }
    }
}

struct DependencyReadiness {
    auth: Arc<dyn Auth>,
    revocations: Arc<dyn Revocations>,
    sessions: Sessions,
}

#[async_trait]
impl Readiness for DependencyReadiness {
    async fn ready(&self) -> Result<(), String> {
        self.auth
            .jwks()
            .await
            .map_err(|error| format!("auth-service: {error}"))?;
        self.revocations.readiness()?;
        self.sessions
            .ping()
            .await
            .map_err(|error| error.to_string())
    }
}
