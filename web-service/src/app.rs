//! Puts the parts together, and runs them.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use axum_server::tls_rustls::RustlsConfig;
use holdfast_client::{
    auth::AuthService, fingerprint::Sha256, issuer, retry_queue::RetryQueue,
    revocation_watch::RevocationWatcher, revocations::Revocations, rpc::AuthClient,
    token_verifier::CachingTokenVerifier,
};
use holdfast_core::clock::Clock;
use holdfast_crypto::random::SystemRandom;
use holdfast_server_kit::{
    connections, fd_limit,
    ops::{self, Readiness},
    request_limit::RequestLimit,
    shutdown::{OPS_DRAIN, Signals},
};
use holdfast_tls::{TlsMaterial, TlsWatch};
use tokio::{net::TcpListener, time::timeout};

use crate::{
    config::{PublicUrl, ServeConfig, SessionStoreConfig, TlsConfig},
    ext_authz,
    http::{
        self,
        state::{AppState, Parts, SiteData},
    },
    session::{
        codec::{csrf_token::HmacCsrfTokens, dbsc::DbscCodec},
        device::ReplayCache,
        device_binding::{DeviceBinding, DeviceBindings},
        sessions::{SessionRecords, Sessions},
        store::{
            encrypted_store::EncryptedRecords,
            memory::MemoryStore,
            redis::{self, BreakerStore},
            replay_cache::InMemoryReplayCache,
            session_cache::{CachedRecords, SessionCache},
        },
    },
    tls::{local_ca::LocalAuthority, reload},
};

/// A service that is bound to its ports and not running yet.
pub struct App {
    port: http::Port,
    ops_listener: TcpListener,
    ext_authz_listener: Option<TcpListener>,
    state: AppState,
    certificate: Option<Certificate>,
    auth: AuthClient,
    ended_logins: RevocationWatcher,
    redis: Option<Arc<BreakerStore>>,
    clock: Arc<dyn Clock>,
}

/// What keeps the served certificate up to date.
struct Certificate {
    watch: TlsWatch,
    /// Makes the files where none were given.
    authority: Option<LocalAuthority>,
}

/// The port is HTTP/2 before HTTP/1.1.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

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
        let (served, certificate) = certificate(config.tls, &clock)?.unzip();
        let listener = bind("WEB_LISTEN", config.listen)?;
        let port = listener.local_addr()?.port();
        let random = Arc::new(SystemRandom);
        let Store {
            records,
            once,
            redis,
        } = session_store(config.session_store, &clock).await?;
        let auth = AuthClient::new(&config.auth)?;
        let ended_logins = RevocationWatcher::new(clock.clone(), config.max_staleness, &auth);
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
        let late = Arc::new(RetryQueue::start(Arc::new(auth.clone())));
        let sessions = Sessions::new(records, clock.clone(), config.lifetimes);
        let verify = CachingTokenVerifier::new(
            Arc::new(auth.clone()),
            Arc::new(ended_logins.clone()),
            Arc::new(Sha256),
            clock.clone(),
        );
        let state = AppState::from(Parts {
            auth: Arc::new(auth.clone()),
            verify,
            end_later: late.clone(),
            revocations: Arc::new(ended_logins.clone()),
            bindings: DeviceBindings {
                policy: config.device_binding,
                proofs: Arc::new(DbscCodec::new(&config.secret_key, random.clone())),
                has_other_origins,
                once,
                sessions: sessions.clone(),
                reports: late,
                clock: clock.clone(),
            },
            sessions,
            cookie_names: Arc::new(config.cookie_names),
            form_tokens: Arc::new(HmacCsrfTokens::new(&config.secret_key)),
            random,
            trusted_proxies: Arc::new(config.trusted_proxies),
            return_origins: Arc::new(config.return_origins),
            clock: clock.clone(),
            request_limit: Arc::new(RequestLimit::new(http::PLACES)),
            site_data: SiteData {
                is_cleared: config.clear_site_data,
            },
            public_url: Arc::new(public_url),
        });
        Ok(Self {
            port: http::Port {
                listener,
                tls: served,
                max_connections: fd_limit::raise_fd_limit(config.max_connections),
            },
            ops_listener: bind("WEB_OPS_LISTEN", config.ops_listen)?,
            ext_authz_listener: match config.ext_authz_listen {
                Some(address) => Some(bind("WEB_EXT_AUTHZ_LISTEN", address)?),
                None => None,
            },
            state,
            certificate,
            auth,
            ended_logins,
            redis,
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

    /// Serves until the signal to stop, then lets the requests in flight finish.
    ///
    /// # Errors
    /// When a listener fails.
    pub async fn run(self, signals: impl Into<Signals>) -> anyhow::Result<()> {
        let signals = signals.into();
        let shutdown = signals.shutdown.clone();
        let address = self.address()?;
        let ended_logins = self.ended_logins;
        let auth = self.auth.clone();
        tokio::spawn(auth.keep_certificates_current(
            self.clock.clone(),
            signals.reload.clone(),
            signals.shutdown.clone(),
        ));
        tokio::spawn(ended_logins.clone().follow(self.auth, shutdown.clone()));
        ended_logins.first_heard().await;
        tracing::info!(
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
        let readiness = Arc::new(DependencyReadiness {
            auth: self.state.auth.clone(),
            revocations: self.state.revocations.clone(),
            sessions: self.state.sessions.clone(),
            redis: self.redis,
            request_limit: Arc::clone(&self.state.request_limit),
        });
        let ops = tokio::spawn(ops::serve(self.ops_listener, readiness, shutdown.clone()));
        if let Some(Certificate { watch, authority }) = self.certificate {
            tokio::spawn(watch.run(signals.reload, shutdown.clone()));
            if let Some(authority) = authority {
                let renewed = reload::renew_regularly(authority, self.clock, shutdown.clone());
                tokio::spawn(renewed);
            }
        }

        if let Some(listener) = self.ext_authz_listener {
            tracing::info!(address = %listener.local_addr()?, "listening for Envoy");
            let served = ext_authz::serve(listener, self.state.clone(), shutdown.clone());
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

fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    connections::listen(address).with_context(|| format!("{setting}: cannot listen on {address}"))
}

/// Where sessions are kept, and what is kept with them.
struct Store {
    records: Arc<dyn SessionRecords>,
    once: Arc<dyn ReplayCache>,
    redis: Option<Arc<BreakerStore>>,
}

async fn session_store(
    config: SessionStoreConfig,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Store> {
    let random = Arc::new(SystemRandom);
    Ok(match config {
        SessionStoreConfig::Memory => {
            let store = Arc::new(MemoryStore::new(clock.clone()));
            Store {
                records: Arc::new(EncryptedRecords::new(store, random)),
                once: Arc::new(InMemoryReplayCache::new(clock.clone())),
                redis: None,
            }
        }
        SessionStoreConfig::Redis(config) => {
            let redis = redis::connect(config, clock.clone()).await?;
            let opened = SessionCache::default();
            redis.track(opened.clone());
            let records = EncryptedRecords::new(redis.clone(), random).dated_by(redis.clone());
            Store {
                records: Arc::new(CachedRecords::new(records, opened)),
                once: redis.clone(),
                redis: Some(redis),
            }
        }
    })
}

/// What HTTPS is served with, and what keeps that up to date.
fn certificate(
    config: TlsConfig,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<(RustlsConfig, Certificate)>> {
    let (files, authority) = match config {
        TlsConfig::Off => return Ok(None),
        TlsConfig::Files(identity) => (identity.into(), None),
        TlsConfig::Local(directory) => {
            let authority = LocalAuthority::new(directory);
            authority.ensure(clock.now())?;
            (authority.files(), Some(authority))
        }
    };
    let material = TlsMaterial::load(&files);
    let material = material.map_err(|problems| anyhow!(problems.join("; ")))?;
    let served = RustlsConfig::from_config(Arc::new(material.server_config(&PROTOCOLS)?));
    let reloaded = served.clone();
    let watch = TlsWatch::new(files, &material, clock.clone(), move |material| {
        reloaded.reload_from_config(Arc::new(material.server_config(&PROTOCOLS)?));
        Ok(())
    });
    Ok(Some((served, Certificate { watch, authority })))
}

struct DependencyReadiness {
    auth: Arc<dyn AuthService>,
    revocations: Arc<dyn Revocations>,
    sessions: Sessions,
    redis: Option<Arc<BreakerStore>>,
    request_limit: Arc<RequestLimit>,
}

#[async_trait]
impl Readiness for DependencyReadiness {
    async fn ready(&self) -> Result<(), String> {
        self.request_limit.readiness()?;
        self.auth
            .jwks()
            .await
            .map_err(|error| format!("auth-service: {error}"))?;
        self.revocations.readiness()?;
        self.redis.as_ref().map_or(Ok(()), |redis| redis.is_fit())?;
        self.sessions
            .ping()
            .await
            .map_err(|error| error.to_string())
    }
}
