//! The Redis client behind the session store, set up so that a Redis without an answer costs half a second once,
//! and then nothing.

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
    types::{
        Builder, Expiration, RespVersion, SetOptions,
        config::{Config, ReconnectPolicy, UnresponsiveConfig},
    },
};
use holdfast_circuit_breaker::{CircuitBreaker, Probe};
use holdfast_core::{
    clock::Clock,
    rate_limited_log::LogRateLimiter,
    replay_cache::{ReplayCache, ReplayCacheError},
};
use holdfast_server_kit::redis_info::{OLDEST_VERSION, RedisInfo};
use tokio::time::timeout;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{self, Error},
};

use crate::session::store::{
    encrypted_store::ExpiryClock, invalidation::track, redis_records::RedisRecords,
    session_cache::SessionCache,
};

/// For a call as a whole, waiting for a connection included.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_millis(500);
/// After twice that the client forgets a command that nobody waits for any more.
const ABANDONED_AFTER: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const UNRESPONSIVE_AFTER: Duration = Duration::from_secs(1);
const UNRESPONSIVE_CHECK: Duration = Duration::from_millis(250);
/// Also before the very first connection.
const FIRST_RECONNECT_MS: u32 = 10;
const LAST_RECONNECT_MS: u32 = 1_000;
const COMMAND_BUFFER: usize = 1024;

/// How many changes may wait to be taken in; beyond that all is forgotten.
const CHANGES: usize = 4096;

/// How long a start waits for the first connection; a Redis that is away must not keep the service from starting.
const FIRST_CONNECTION: Duration = Duration::from_millis(100);

pub(super) static FAULTS: LogRateLimiter = LogRateLimiter::new();

/// Checks a `redis://` URL.
///
/// # Errors
/// What is wrong with it.
pub fn parse(url: &str) -> Result<Config, String> {
    let mut config = Config::from_url(url).map_err(|why| why.details().to_owned())?;
    // Redis tells over the same connection what changes.
    config.version = RespVersion::RESP3;
    // A Redis that is away when this service starts is no different from one that goes away later.
    config.fail_fast = false;
    Ok(config)
}

/// Starts connecting; until the connection stands, the store's calls fail.
///
/// # Errors
/// When the client cannot be built.
pub async fn connect(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<BreakerStore>> {
    let client: Client = Builder::from_config(config)
        .with_performance_config(|performance| {
            performance.default_command_timeout = ABANDONED_AFTER;
            performance.broadcast_channel_capacity = CHANGES;
        })
        .with_connection_config(|connection| {
            connection.connection_timeout = CONNECT_TIMEOUT;
            connection.internal_command_timeout = CONNECT_TIMEOUT;
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = COMMAND_BUFFER;
            connection.unresponsive = UnresponsiveConfig {
                max_timeout: Some(UNRESPONSIVE_AFTER),
                interval: UNRESPONSIVE_CHECK,
            };
        })
        .set_policy(ReconnectPolicy::new_exponential(
            0,
            FIRST_RECONNECT_MS,
            LAST_RECONNECT_MS,
            2,
        ))
        .build()
        .context("WEB_SESSION_STORE cannot be used")?;
    client.on_error(|(error, server)| async move {
        FAULTS.log(|attempts| {
            tracing::error!(%error, ?server, attempts, "Redis connection lost; reconnecting");
        });
        Ok(())
    });
    let fault = Fault::default();
    let (asked, found) = (client.clone(), fault.clone());
    client.on_reconnect(move |server| {
        let (asked, found) = (asked.clone(), found.clone());
        async move {
            tracing::info!(%server, "connected to Redis");
            tokio::spawn(async move { found.look_for(&asked).await });
            Ok(())
        }
    });
    let _task = client.connect();
    let _ = timeout(FIRST_CONNECTION, client.wait_for_connect()).await;
    Ok(Arc::new(BreakerStore {
        breaker: CircuitBreaker::new("Redis".to_owned(), probe(client.clone())),
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
            // Without a connection the question would only be queued.
            if !client.is_connected() {
                return Err("there is no connection".to_owned());
            }
            let answer: Result<(), _> = client.ping(None).await;
            answer.map_err(|error| error.to_string())
        })
    })
}

/// Why the Redis of the last connection cannot be used, though it answers.
#[derive(Clone, Debug, Default)]
struct Fault(Arc<Mutex<Option<String>>>);

impl Fault {
    /// Asks a Redis what it is. One that does not say is taken as it is: its user may not be allowed to ask.
    async fn look_for(&self, client: &Client) {
        let answer = timeout(COMMAND_TIMEOUT, client.info::<String>(None)).await;
        let info = match answer {
            Ok(Ok(info)) => RedisInfo::parse(&info),
            Ok(Err(error)) => {
                tracing::info!(%error, "Redis does not say what version it is, nor whether it evicts");
                RedisInfo::default()
            }
            Err(_elapsed) => return,
        };
        if let Some(policy) = info.evicts() {
            tracing::warn!(
                policy,
                "Redis removes sessions when it is full; set maxmemory-policy to noeviction"
            );
        }
        let too_old = info.too_old();
        if let Some(version) = too_old {
            tracing::error!(%version, oldest = %OLDEST_VERSION, "Redis is too old to keep sessions");
        }
        let why = too_old.map(|version| {
            format!("Redis {version} is too old to keep sessions; {OLDEST_VERSION} is needed")
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

/// Asks Redis only while it answers.
#[derive(Clone)]
pub struct BreakerStore {
    store: RedisRecords,
    client: Client,
    clock: Arc<dyn Clock>,
    breaker: CircuitBreaker,
    fault: Fault,
}

impl BreakerStore {
    /// Whether the Redis is one that can be used.
    ///
    /// # Errors
    /// Why it is not, in words for the operator.
    pub fn is_fit(&self) -> Result<(), String> {
        let fault = self.fault.0.lock();
        let fault = fault.unwrap_or_else(PoisonError::into_inner);
        fault.clone().map_or(Ok(()), Err)
    }

    /// Tells `opened` what changes in Redis (client-side caching), from now on, and whenever that cannot be told.
    pub fn track(&self, opened: SessionCache) {
        tokio::spawn(track(self.client.clone(), opened));
    }

    /// The error is made of words, as none of its kind came.
    async fn ask<T, E>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
        none: impl Fn(String) -> E,
    ) -> Result<T, E> {
        if self.breaker.is_open() {
            return Err(none("Redis is away".to_owned()));
        }
        timeout(COMMAND_TIMEOUT, answer).await.unwrap_or_else(|_| {
            let why = "no answer in time";
            self.breaker.open(why);
            Err(none(why.to_owned()))
        })
    }
}

impl fmt::Debug for BreakerStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhileThere").finish_non_exhaustive()
    }
}

/// Redis removes records by its own clock, which may be another machine's.
#[async_trait]
impl ExpiryClock for BreakerStore {
    async fn ahead(&self) -> session_store::Result<time::Duration> {
        let time = self.ask(self.store.time(), Error::Backend).await?;
        Ok(time.map_or(time::Duration::ZERO, |time| time - self.clock.now()))
    }
}

#[async_trait]
impl SessionStore for BreakerStore {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.ask(self.store.create(record), Error::Backend).await
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.ask(self.store.save(record), Error::Backend).await
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.ask(self.store.load(id), Error::Backend).await
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.ask(self.store.delete(id), Error::Backend).await
    }
}

#[async_trait]
impl ReplayCache for BreakerStore {
    async fn insert_if_new(&self, key: &str, window: Duration) -> Result<bool, ReplayCacheError> {
        let millis = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        let set = async {
            let (until, if_new) = (Some(Expiration::PX(millis)), Some(SetOptions::NX));
            let key = format!("once:{key}");
            let set = self.client.set(key, "", until, if_new, false).await;
            // Redis answers nil if the key exists.
            set.map(|was_set: Option<String>| was_set.is_some())
                .map_err(|error| ReplayCacheError(error.to_string()))
        };
        self.ask(set, ReplayCacheError).await
    }
}
