//! Puts the parts together, and runs them.

mod retention;
pub mod signing_keys;

use std::{
    fs::DirBuilder, net::SocketAddr, os::unix::fs::DirBuilderExt as _, path::Path, sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use holdfast_core::{clock::Clock, random::Random as _, steady_clock::SteadyClock};
use holdfast_crypto::{
    argon2id::Argon2id, client_authentication::ClientAuthenticator, dpop::Dpop, jwt::Jwts,
    keyed_hash::HmacKeyedHasher, random::SystemRandom, refresh_token::RefreshTokenKey,
    seal::Sealer,
};
use holdfast_identity::{
    account::Accounts,
    authentication::AttemptCounters,
    id::Jti,
    oauth::{Clients, ReplayCache},
    revocation::Epoch,
    service::{Dependencies, IdentityService},
};
use holdfast_server_kit::{
    connections::{self, BoundedListener, Connections},
    fd_limit,
    ops::{self, Readiness},
    request_limit::RequestLimit,
    shutdown::{DRAIN_DEADLINE, OPS_DRAIN, Signals},
};
use holdfast_store_sqlite::{SqliteStore, audit::SqliteAudit};
use holdfast_tls::{TlsMaterial, TlsWatch};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use self::{
    retention::{keep_checkpoint, keep_checkpoints, purge_regularly, steady_clock},
    signing_keys::{KeyPolicy, SigningKeys},
};
use crate::{
    config::{HashingConfig, ServeConfig, TlsConfig},
    grpc::{self, Services, WebIdentity, tls::PortTls},
    revocation_feed::RevocationFeed,
    storage::{
        counters::{memory::InMemoryAttemptCounters, redis::RedisAttemptCounters},
        redis::Redis,
        replay_cache::{memory::InMemoryReplayCache, redis::RedisReplayCache},
    },
};

/// The secret that makes login tickets and refresh tokens.
const CREDENTIAL_KEY: &str = "credentials";
/// The secret that makes the names of counters and places.
const BLINDING_KEY: &str = "blinding";

/// The secret that makes the nonces of proofs.
const NONCE_KEY: &str = "nonces";

/// A service that is bound to its ports and not running yet.
pub struct App {
    listener: BoundedListener,
    ops_listener: TcpListener,
    server: grpc::Server,
    tls_watch: Option<TlsWatch>,
    store: SqliteStore,
    feed: Arc<RevocationFeed>,
    keys: SigningKeys,
    jwts: Arc<Jwts>,
    audit_writer: JoinHandle<()>,
    audit_retention: Duration,
    steady: Arc<SteadyClock>,
    request_limit: Arc<RequestLimit>,
}

/// Chooses the cryptographic library for this process; more than one may be compiled in by others.
pub fn install_crypto_providers() {
    // A second call finds the first one's choice, which is the same.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Opens the database, and makes its directory, for the owner alone, if there is none.
///
/// # Errors
/// When it cannot be opened; says which file.
pub async fn open_store(database: &Path) -> anyhow::Result<SqliteStore> {
    if let Some(directory) = database
        .parent()
        .filter(|path| !path.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    }
    SqliteStore::open(database)
        .await
        .with_context(|| format!("cannot open the database {}", database.display()))
}

/// The revocations of a store, and its history; a new one begins where the store has none.
///
/// # Errors
/// When the store does not answer.
pub async fn open_feed(
    store: &SqliteStore,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<RevocationFeed> {
    let steady = Arc::new(SteadyClock::new(clock.clone()));
    feed_by(store, &*clock, steady).await
}

async fn feed_by(
    store: &SqliteStore,
    clock: &dyn Clock,
    steady: Arc<SteadyClock>,
) -> anyhow::Result<RevocationFeed> {
    let fresh = Epoch {
        id: Jti::random(&SystemRandom).to_string(),
        begun_at: clock.now(),
    };
    let feed = RevocationFeed::open(Arc::new(store.clone()), steady, fresh).await;
    feed.context("cannot read the revocations")
}

impl App {
    /// Opens the database and the keys, and binds the ports.
    ///
    /// # Errors
    /// When any of that fails.
    pub async fn build(config: ServeConfig, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let store = open_store(&config.database).await?;
        let sealer = Sealer::new(&config.key_encryption_key);
        // The first of the two finds out a wrong key-encryption key, before the second could seal anything with it.
        let credentials = secret_key(&store, &sealer, &*clock, CREDENTIAL_KEY).await?;
        let keyed_hasher = secret_key(&store, &sealer, &*clock, BLINDING_KEY).await?;
        let key_policy = KeyPolicy {
            algorithm: config.signing_algorithm,
            max_age: config.key_max_age,
            access_ttl: config.policy.access_ttl,
        };
        let redis = config.redis.map(Redis::new).transpose();
        let redis = redis.context("AUTH_REDIS_URL cannot be used")?;
        if let Some(redis) = &redis {
            redis.look();
        }
        let nonces = nonce_key(&store, &sealer, &*clock, redis.is_some()).await?;
        let keys = SigningKeys::new(store.clone(), sealer, clock.clone(), key_policy);
        let jwts = Arc::new(keys.open().await?);
        let HashingConfig { params, threads } = config.hashing;
        let random = Arc::new(SystemRandom);
        let steady = steady_clock(&store, clock.clone()).await?;
        let feed = Arc::new(feed_by(&store, &*clock, steady.clone()).await?);
        let parts = Dependencies {
            store: Arc::new(store.clone()),
            revocations: feed.clone(),
            hasher: Arc::new(Argon2id::start(params, threads, random.clone())?),
            tokens: jwts.clone(),
            client_proofs: Arc::new(ClientAuthenticator::new(random.clone())),
            counters: counters(redis.clone(), clock.clone()),
            dpop_proofs: Arc::new(Dpop::new(&nonces)),
            replay_cache: replay_cache(redis, clock.clone()),
            keyed_hasher: Arc::new(HmacKeyedHasher::new(&keyed_hasher)),
            credentials: Arc::new(RefreshTokenKey::new(&credentials)),
            clock: clock.clone(),
            random,
        };
        let accounts = Accounts::new(
            Arc::new(store.clone()),
            feed.clone(),
            parts.hasher.clone(),
            parts.clock.clone(),
            parts.random.clone(),
        );
        let clients = Clients {
            store: Arc::new(store.clone()),
            revocations: feed.clone(),
            proofs: parts.client_proofs.clone(),
            clock: clock.clone(),
            audiences: config.policy.audiences.clone(),
        };
        let (audit, audit_writer) = SqliteAudit::start(store.clone());
        let web_identity = WebIdentity::new(config.service_secret.as_ref(), config.tls.as_ref())?;
        let request_limit = Arc::new(RequestLimit::new(grpc::PLACES));
        let services = Services {
            authority: Arc::new(IdentityService::new(parts, config.policy)),
            accounts,
            clients,
            web_identity: Arc::new(web_identity),
            keys: jwts.clone(),
            key_rotation: Arc::new(keys.clone()),
            clock: clock.clone(),
            audit: Arc::new(audit),
            feed: feed.clone(),
            request_limit: Arc::clone(&request_limit),
        };
        let (tls, tls_watch) = config
            .tls
            .map(|tls| port_tls(tls, &clock))
            .transpose()?
            .unzip();
        let server = grpc::Server::new(services, tls, config.reflection);
        let connections = Connections::new(
            fd_limit::raise_fd_limit(config.max_connections),
            grpc::MAX_SILENCE,
        );
        let listener = bind("AUTH_LISTEN", config.listen)?;
        let app = Self {
            listener: BoundedListener::new(listener, connections),
            ops_listener: bind("AUTH_OPS_LISTEN", config.ops_listen)?,
            server,
            tls_watch,
            store,
            feed,
            keys,
            jwts,
            audit_writer,
            audit_retention: config.audit_retention,
            steady,
            request_limit,
        };
        if !app.server.is_encrypted() && !app.address()?.ip().is_loopback() {
            tracing::warn!(
                "gRPC is not encrypted and reachable from other machines; set AUTH_TLS_CERT"
            );
        }
        Ok(app)
    }

    /// Where gRPC is served.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.address()?)
    }

    /// Serves until the signal to stop, then lets the requests in flight finish.
    ///
    /// # Errors
    /// When a listener fails.
    pub async fn run(self, signals: impl Into<Signals>) -> anyhow::Result<()> {
        let Signals { shutdown, reload } = signals.into();
        tracing::info!(
            address = %self.listener.address()?,
            ops_address = %self.ops_listener.local_addr()?,
            "listening"
        );
        let ops = tokio::spawn(ops::serve(
            self.ops_listener,
            Arc::new(ServiceReadiness {
                store: self.store.clone(),
                request_limit: self.request_limit,
            }),
            shutdown.clone(),
        ));
        if let Some(watch) = self.tls_watch {
            tokio::spawn(watch.run(reload, shutdown.clone()));
        }
        // Calls that are let in after the signal are answered from what is current.
        let served = CancellationToken::new();
        tokio::spawn(self.feed.keep_current(served.clone()));
        let (store, steady) = (&self.store, &self.steady);
        tokio::spawn(
            self.keys
                .keep_current(self.jwts, steady.clone(), served.clone()),
        );
        tokio::spawn(purge_regularly(
            store.clone(),
            steady.clone(),
            self.audit_retention,
            shutdown.clone(),
        ));
        tokio::spawn(keep_checkpoints(
            store.clone(),
            steady.clone(),
            shutdown.clone(),
        ));

        let drained = async {
            shutdown.cancelled().await;
            tokio::time::sleep(DRAIN_DEADLINE).await;
        };
        tokio::select! {
            ended = self.server.serve(self.listener, shutdown.clone()) => ended?,
            () = drained => tracing::warn!("requests were still in flight after {DRAIN_DEADLINE:?}"),
        }
        shutdown.cancel();
        served.cancel();
        // Probes that are under way, and what is still to be written of the audit trail, have the same second.
        let _ = tokio::join!(
            timeout(OPS_DRAIN, ops),
            timeout(OPS_DRAIN, self.audit_writer)
        );
        keep_checkpoint(&self.store, &self.steady).await;
        self.store.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// What the gRPC port speaks TLS with, and what keeps that up to date.
fn port_tls(config: TlsConfig, clock: &Arc<dyn Clock>) -> anyhow::Result<(PortTls, TlsWatch)> {
    let material = TlsMaterial::load(&config.files);
    let material = material.map_err(|problems| anyhow!(problems.join("; ")))?;
    let port = PortTls::new(&material)?;
    let replaced = port.clone();
    let watch = TlsWatch::new(config.files, &material, clock.clone(), move |material| {
        replaced.replace(material)
    });
    Ok((port, watch))
}

fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    connections::listen(address).with_context(|| format!("{setting}: cannot listen on {address}"))
}

fn counters(redis: Option<Redis>, clock: Arc<dyn Clock>) -> Arc<dyn AttemptCounters> {
    match redis {
        Some(redis) => Arc::new(RedisAttemptCounters::new(redis, clock)),
        None => Arc::new(InMemoryAttemptCounters::new(clock)),
    }
}

fn replay_cache(redis: Option<Redis>, clock: Arc<dyn Clock>) -> Arc<dyn ReplayCache> {
    match redis {
        Some(redis) => Arc::new(RedisReplayCache::new(redis)),
        None => Arc::new(InMemoryReplayCache::new(clock)),
    }
}

/// All instances take each other's nonces where they remember together which proofs were used. An instance that remembers alone
/// takes none from before its start, so that no proof is good again after it.
async fn nonce_key(
    store: &SqliteStore,
    sealer: &Sealer,
    clock: &dyn Clock,
    is_shared: bool,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    if is_shared {
        return secret_key(store, sealer, clock, NONCE_KEY).await;
    }
    let mut fresh = Zeroizing::new(vec![0; 32]);
    SystemRandom.fill(&mut fresh);
    Ok(fresh)
}

/// The secret of this name, made by the first instance that needs it.
async fn secret_key(
    store: &SqliteStore,
    sealer: &Sealer,
    clock: &dyn Clock,
    name: &str,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut fresh = Zeroizing::new(vec![0; 32]);
    SystemRandom.fill(&mut fresh);
    let candidate = sealer.seal(name, &fresh);
    let kept = store.secret_key_or(name, &candidate, clock.now()).await?;
    Ok(sealer.open(name, &kept)?)
}

struct ServiceReadiness {
    store: SqliteStore,
    request_limit: Arc<RequestLimit>,
}

#[async_trait]
impl Readiness for ServiceReadiness {
    async fn ready(&self) -> Result<(), String> {
        self.request_limit.readiness()?;
        self.store.ping().await.map_err(|error| error.to_string())
    }
}
