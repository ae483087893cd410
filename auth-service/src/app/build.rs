//! Construction of the service from its configuration.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context as _, anyhow};
use holdfast_core::{clock::Clock, steady_clock::SteadyClock};
use holdfast_crypto::{jwt::Jwts, random::SystemRandom, seal::Sealer, subject_ids::SubjectIdKey};
use holdfast_identity::{
    audit::AuditRecorder, id::Jti, key::KeyAlgorithms, oauth::ClientDocuments,
    signals::SignalService, store::Store,
};
use holdfast_server_kit::{
    config::RedisUrl,
    connections::{BoundedListener, Connections},
    fd_limit, passed_socket,
    request_limit::RequestLimit,
    service_manager::ServiceManager,
};
use holdfast_tls::{TlsMaterial, TlsWatch};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    app::{
        App,
        clock_checkpoint::steady_clock,
        key_rotation::{KeyPolicy, SigningKeys},
        logout_delivery::{LogoutDispatcher, LogoutSender},
        operations::{Operations, Resources},
        secrets::Secrets,
        store::{open_feed_by, open_store_when_available},
    },
    config::{OutboundConfig, ServeConfig, TlsConfig},
    grpc::{self, PortTls, SecretHash, ServiceIdentity, Services},
    outbound::{AddressPolicy, FetchedDocuments, OutboundClient},
    revocation_feed::RevocationFeed,
    storage::{audit_trail::BackgroundAuditTrail, redis::Redis},
};

impl App {
    /// Opens the database and the keys, and binds the ports.
    ///
    /// # Errors
    /// One of these steps failed.
    pub async fn build(config: ServeConfig, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Box::pin(Self::build_on(None, config, clock)).await
    }

    /// The same with the socket of the gRPC port that the service manager passed, if any.
    ///
    /// # Errors
    /// As for [`App::build`].
    pub async fn build_on(
        passed: Option<TcpListener>,
        config: ServeConfig,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let manager = ServiceManager::from_env();
        let opened = Opened::open(&config, &clock, &manager).await?;
        let logouts = opened.logout_dispatcher(&config);
        let signals = opened.signals(&config);
        let resources = Resources {
            documents: client_documents(&config, &clock),
            store: opened.store.clone(),
            feed: opened.feed.clone(),
            jwts: opened.jwts.clone(),
            subject_ids: opened.subject_ids.clone(),
            id_token_algorithms: config.id_token_algorithms,
            redis: opened.redis,
            secrets: opened.secrets,
            sealer: Sealer::new(&config.key_encryption_key),
            passkeys: config.passkeys,
            audit: opened.audit,
            clock: clock.clone(),
        };
        let operations = Operations::new(resources, config.hashing, config.policy)?;
        let caller = ServiceIdentity::new(config.service_secret.as_ref(), config.tls.as_ref())?;
        let registration_token = config.client_registration_token.as_ref();
        let services = Services {
            identity: Arc::new(operations.identity),
            accounts: operations.accounts,
            clients: operations.clients,
            signals: Arc::new(signals),
            registration_token: registration_token.map(SecretHash::of),
            client_documents: config.client_documents,
            service_identity: Arc::new(caller),
            keys: opened.jwts.clone(),
            key_rotation: Arc::new(opened.keys.clone()),
            clock: clock.clone(),
            audit: opened.store.clone(),
            feed: opened.feed.clone(),
        };
        let (tls, tls_watch) = port_tls(config.tls, &clock)?;
        let request_limit = Arc::new(RequestLimit::new(grpc::REQUEST_SLOTS));
        let app = Self {
            listener: bind_grpc(passed, config.listen, config.max_connections)?,
            ops_listener: passed_socket::or_listen(None, "AUTH_OPS_LISTEN", config.ops_listen)?,
            server: grpc::Server::new(services, request_limit.clone(), tls, config.reflection),
            tls_watch,
            manager,
            store: opened.store,
            instance: opened.instance,
            feed: opened.feed,
            keys: opened.keys,
            logouts,
            jwts: opened.jwts,
            audit_writer: opened.audit_writer,
            audit_retention: config.audit_retention,
            steady: opened.steady,
            request_limit,
        };
        app.warn_if_unencrypted().map(|()| app)
    }

    fn warn_if_unencrypted(&self) -> anyhow::Result<()> {
        if !self.server.is_encrypted() && !self.address()?.ip().is_loopback() {
            tracing::warn!(
                event = "grpc.unencrypted",
                "gRPC is not encrypted and reachable from other machines; set AUTH_TLS_CERT"
            );
        }
        Ok(())
    }
}

/// What is opened before the operations are constructed.
struct Opened {
    store: Arc<dyn Store>,
    /// Identifies this process as the holder of leases.
    instance: String,
    steady: Arc<SteadyClock>,
    feed: Arc<RevocationFeed>,
    keys: SigningKeys,
    jwts: Arc<Jwts>,
    subject_ids: Arc<SubjectIdKey>,
    redis: Option<Redis>,
    secrets: Secrets,
    audit: AuditRecorder,
    audit_writer: JoinHandle<()>,
    clock: Arc<dyn Clock>,
}

impl Opened {
    async fn open(
        config: &ServeConfig,
        clock: &Arc<dyn Clock>,
        manager: &ServiceManager,
    ) -> anyhow::Result<Self> {
        let opening = open_store_when_available(&config.database, &**clock, manager);
        let (store, outage) = opening.await?;
        let instance = Jti::random(&SystemRandom).to_string();
        let sealer = Sealer::new(&config.key_encryption_key);
        let redis = config.redis.as_ref().map(connect_redis).transpose()?;
        let secrets = Secrets::open(&*store, &sealer, &**clock, redis.is_some()).await?;
        let (trail, audit_writer) = BackgroundAuditTrail::start(store.clone());
        let audit = AuditRecorder::new(Arc::new(trail), clock.clone());
        let (holder, policy) = ((store.clone(), &*instance), key_policy(config));
        let keys = SigningKeys::new(holder, sealer, audit.clone(), clock.clone(), policy);
        let subject_ids = Arc::new(SubjectIdKey::new(&secrets.subject_ids));
        let jwts = Arc::new(Jwts::new(keys.open().await?, subject_ids.clone()));
        let steady = steady_clock(&*store, clock.clone()).await?;
        let clocks = (clock.clone(), steady.clone());
        let feed = Arc::new(open_feed_by(&store, clocks, outage).await?);
        Ok(Self {
            store,
            instance,
            steady,
            feed,
            keys,
            jwts,
            subject_ids,
            redis,
            secrets,
            audit,
            audit_writer,
            clock: clock.clone(),
        })
    }

    fn signals(&self, config: &ServeConfig) -> SignalService {
        let algorithms = config.id_token_algorithms.first();
        SignalService {
            store: self.store.clone(),
            tokens: self.jwts.clone(),
            issuer: config.policy.issuer.clone(),
            algorithm: *algorithms.unwrap_or(&config.signing_algorithm),
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
        }
    }

    fn logout_dispatcher(&self, config: &ServeConfig) -> LogoutDispatcher {
        let sender = LogoutSender {
            tokens: self.jwts.clone(),
            subject_ids: self.subject_ids.clone(),
            issuer: config.policy.issuer.clone(),
            client: outbound_client(&config.outbound),
            random: Arc::new(SystemRandom),
            clock: self.clock.clone(),
        };
        let (holder, feed) = ((self.store.clone(), &*self.instance), self.feed.clone());
        LogoutDispatcher::new(holder, feed, sender, self.steady.clone())
    }
}

fn key_policy(config: &ServeConfig) -> KeyPolicy {
    KeyPolicy {
        algorithms: KeyAlgorithms::new(config.signing_algorithm, &config.id_token_algorithms),
        max_age: config.key_max_age,
        access_ttl: config.policy.access_ttl,
    }
}

fn connect_redis(url: &RedisUrl) -> anyhow::Result<Redis> {
    let redis = Redis::new(url).context("AUTH_REDIS_URL cannot be used")?;
    redis.check_server();
    Ok(redis)
}

/// TLS of the gRPC port, and the watch that reloads its files; none without a certificate.
fn port_tls(
    config: Option<TlsConfig>,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<(Option<PortTls>, Option<TlsWatch>)> {
    let Some(config) = config else {
        return Ok((None, None));
    };
    let material = TlsMaterial::load(&config.files);
    let material = material.map_err(|problems| anyhow!(problems.join("; ")))?;
    let port = PortTls::new(&material)?;
    let reloaded = port.clone();
    let watch = TlsWatch::new(config.files, &material, clock.clone(), move |material| {
        reloaded.replace(material)
    });
    Ok((Some(port), Some(watch)))
}

fn bind_grpc(
    passed: Option<TcpListener>,
    address: SocketAddr,
    max_connections: usize,
) -> anyhow::Result<BoundedListener> {
    let max_connections = fd_limit::raise_fd_limit(max_connections);
    let connections = Connections::new("grpc", max_connections, grpc::IDLE_TIMEOUT);
    Ok(BoundedListener::new(
        passed_socket::or_listen(passed, "AUTH_LISTEN", address)?,
        connections,
    ))
}

fn outbound_client(outbound: &OutboundConfig) -> OutboundClient {
    let addresses = if outbound.private_addresses {
        AddressPolicy::PublicAndPrivate
    } else {
        AddressPolicy::Public
    };
    OutboundClient::new(addresses, outbound.authorities.clone())
}

/// Reads the metadata that OAuth clients publish, where that is on.
fn client_documents(
    config: &ServeConfig,
    clock: &Arc<dyn Clock>,
) -> Option<Arc<dyn ClientDocuments>> {
    let client = config
        .client_documents
        .then(|| outbound_client(&config.outbound))?;
    Some(Arc::new(FetchedDocuments::new(client, Arc::clone(clock))))
}
