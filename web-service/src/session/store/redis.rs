//! The session store in Redis, behind a circuit breaker: an unavailable Redis delays one request by half a second, and further ones not
//! at all.

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use async_trait::async_trait;
use fred::{
    clients::Client,
    interfaces::{ClientLike as _, EventInterface as _, KeysInterface as _},
    types::{Expiration, SetOptions, config::Server},
};
use holdfast_circuit_breaker::{CircuitBreaker, PeerKind, Probe};
use holdfast_core::{
    clock::Clock,
    rate_limited_log::LogRateLimiter,
    replay_cache::{ReplayCache, ReplayCacheError},
};
use holdfast_metrics::{InProgress, observe};
use holdfast_server_kit::{
    config::RedisUrl,
    redis_info::{OLDEST_VERSION, RedisInfo},
};
use holdfast_trace::child_span;
use tokio::time::{Instant, timeout};
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{self, Error},
};
use tracing::Instrument as _;

use crate::session::store::{
    encrypted_store::ExpiryClock, invalidation::track, metrics, redis_client,
    redis_connection::COMMAND_TIMEOUT, redis_records::RedisRecords,
    replicated_writer::ReplicatedWriter, sentinels::Sentinels, session_cache::SessionCache,
};

/// How long a start waits for the first connection. An unavailable Redis must not prevent the service from starting.
const START_WAIT: Duration = Duration::from_millis(100);

static FAULTS: LogRateLimiter = LogRateLimiter::new("redis.disconnected");

/// A store that connects in the background; its calls fail while it is not connected. A new session is
/// acknowledged when this number of `replicas` has it.
///
/// # Errors
/// When the driver cannot use the URL.
pub async fn connect(
    url: &RedisUrl,
    replicas: usize,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<BreakerStore>> {
    let client = redis_client::client(url).context("WEB_SESSION_STORE cannot be used")?;
    client.on_error(|(error, server)| async move {
        FAULTS.log(|attempts| {
            tracing::error!(event = "redis.disconnected", %error, ?server, attempts, "Redis connection lost; reconnecting");
        });
        Ok(())
    });
    let fault = Fault::default();
    let (connected, found) = (client.clone(), fault.clone());
    client.on_reconnect(move |server| {
        let (connected, found) = (connected.clone(), found.clone());
        async move {
            tracing::info!(event = "redis.connected", %server, "connected to Redis");
            tokio::spawn(async move { found.check(&connected, server).await });
            Ok(())
        }
    });
    let _task = client.connect();
    let _ = timeout(START_WAIT, client.wait_for_connect()).await;
    // Of a Cluster, each node has its own outages, for which the others need not be rejected.
    let breaker = (!client.is_clustered())
        .then(|| CircuitBreaker::new(PeerKind::Redis, "Redis".to_owned(), probe(client.clone())));
    let writer = (replicas > 0).then(|| ReplicatedWriter::connect(url, replicas));
    let writer = writer
        .transpose()
        .context("WEB_SESSION_STORE cannot be used")?;
    let sentinels = Sentinels::connect(url).context("WEB_SESSION_STORE cannot be used")?;
    Ok(Arc::new(BreakerStore {
        breaker,
        sentinels: sentinels.map(Arc::new),
        writer,
        store: RedisRecords::new(client.clone()),
        client,
        clock,
        fault,
    }))
}

fn probe(client: Client) -> Probe {
    Box::new(move || {
        let client = client.clone();
        Box::pin(async move {
            // Without a connection the command would only be queued.
            if !client.is_connected() {
                return Err("there is no connection".to_owned());
            }
            let answer: Result<(), _> = client.ping(None).await;
            answer.map_err(|error| error.to_string())
        })
    })
}

/// Why the Redis of the last connection cannot be used although it answers.
#[derive(Clone, Debug, Default)]
struct Fault(Arc<Mutex<Option<String>>>);

impl Fault {
    /// Checks version and eviction policy. A Redis whose user lacks the permission for `INFO` is used unchecked.
    async fn check(&self, client: &Client, server: Server) {
        let answer = async {
            if client.is_clustered() {
                client.with_cluster_node(server).info(None).await
            } else {
                client.info::<String>(None).await
            }
        };
        let answer = timeout(COMMAND_TIMEOUT, answer).await;
        let info = match answer {
            Ok(Ok(info)) => RedisInfo::parse(&info),
            Ok(Err(error)) => {
                tracing::info!(event = "redis.version_unknown", %error, "Redis does not say what version it is, nor whether it evicts");
                RedisInfo::default()
            }
            Err(_elapsed) => return,
        };
        if let Some(policy) = info.evicts() {
            tracing::warn!(
                event = "redis.evicts",
                policy,
                "Redis removes sessions when it is full; set maxmemory-policy to noeviction"
            );
        }
        let too_old = info.too_old();
        if let Some(version) = too_old {
            tracing::error!(event = "redis.too_old", %version, oldest = %OLDEST_VERSION, "Redis is too old to keep sessions");
        }
        let why = too_old.map(|version| {
            format!("Redis {version} is too old to keep sessions; {OLDEST_VERSION} is needed")
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

/// The session store and replay cache in Redis, behind a circuit breaker.
#[derive(Clone)]
pub struct BreakerStore {
    store: RedisRecords,
    /// Those of the URL.
    sentinels: Option<Arc<Sentinels>>,
    /// Creates sessions, where replicas must have them.
    writer: Option<ReplicatedWriter>,
    client: Client,
    clock: Arc<dyn Clock>,
    breaker: Option<CircuitBreaker>,
    fault: Fault,
}

impl BreakerStore {
    /// Whether this Redis can be used.
    ///
    /// # Errors
    /// The cause where it cannot, in words for the operator.
    pub fn is_fit(&self) -> Result<(), String> {
        let fault = self.fault.0.lock();
        let fault = fault.unwrap_or_else(PoisonError::into_inner);
        fault.clone().map_or(Ok(()), Err)
    }

    /// Starts to invalidate `cache` by what changes in Redis (`CLIENT TRACKING`).
    pub fn track(&self, cache: SessionCache) {
        let writer = self.writer.as_ref().map(ReplicatedWriter::client);
        let clients = (self.client.clone(), writer);
        tokio::spawn(track(clients, self.sentinels.clone(), cache));
    }

    /// Whether the Sentinels name another master than the connected server, on which nothing that is missing is known to be missing.
    async fn is_replaced(&self) -> bool {
        let connected = self.client.active_connections().into_iter().next();
        match (&self.sentinels, connected) {
            (Some(sentinels), Some(connected)) => sentinels.name_another(&connected).await,
            _ => false,
        }
    }

    fn is_open(&self) -> bool {
        self.breaker.as_ref().is_some_and(CircuitBreaker::is_open)
    }

    /// Awaits the reply to a command, within its deadline and while the circuit breaker is closed; `error` makes the error otherwise.
    async fn command<T, E>(
        &self,
        reply: impl Future<Output = Result<T, E>>,
        error: impl Fn(String) -> E,
    ) -> Result<T, E> {
        if self.is_open() {
            return Err(error("Redis is unavailable".to_owned()));
        }
        let begun = Instant::now();
        let _in_flight = InProgress::begin(&metrics::IN_FLIGHT);
        let span = child_span!(
            "Redis command",
            otel.kind = "client",
            db.system.name = "redis"
        );
        let reply = timeout(COMMAND_TIMEOUT, reply).instrument(span).await;
        observe(&metrics::COMMANDS, begun.elapsed());
        reply.unwrap_or_else(|_| {
            metrics::TIMEOUTS.inc();
            let why = "no answer in time";
            if let Some(breaker) = &self.breaker {
                breaker.open(why);
            }
            Err(error(why.to_owned()))
        })
    }
}

impl fmt::Debug for BreakerStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerStore").finish_non_exhaustive()
    }
}

/// The clock of the machine that Redis runs on.
#[async_trait]
impl ExpiryClock for BreakerStore {
    async fn ahead(&self) -> session_store::Result<time::Duration> {
        let time = self.command(self.store.time(), Error::Backend).await?;
        Ok(time.map_or(time::Duration::ZERO, |time| time - self.clock.now()))
    }
}

#[async_trait]
impl SessionStore for BreakerStore {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        match &self.writer {
            // A wait for replicas says nothing about the server, and opens no circuit breaker.
            Some(writer) if !self.is_open() => writer.create(record).await,
            _ => {
                self.command(self.store.create(record), Error::Backend)
                    .await
            }
        }
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.command(self.store.save(record), Error::Backend).await
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let found = self.command(self.store.load(id), Error::Backend).await?;
        if found.is_none() && self.is_replaced().await {
            return Err(Error::Backend(
                "the connected Redis server is not the master any more".to_owned(),
            ));
        }
        Ok(found)
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.command(self.store.delete(id), Error::Backend).await
    }
}

#[async_trait]
impl ReplayCache for BreakerStore {
    async fn insert_if_new(
        &self,
        key: &str,
        _owner: &str,
        window: Duration,
    ) -> Result<bool, ReplayCacheError> {
        let millis = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        let set = async {
            let (until, if_new) = (Some(Expiration::PX(millis)), Some(SetOptions::NX));
            let key = format!("once:{key}");
            let set = self.client.set(key, "", until, if_new, false).await;
            // `SET … NX` replies with nil where the key exists.
            set.map(|was_set: Option<String>| was_set.is_some())
                .map_err(|error| ReplayCacheError(error.to_string()))
        };
        self.command(set, ReplayCacheError).await
    }
}
