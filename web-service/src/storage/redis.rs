//! The Redis client behind `tower-sessions-redis-store`, set up so that a Redis without an answer costs half a second once,
//! and then nothing.

use std::{future::Future, sync::Arc, time::Duration};

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
use service_kit::{
    breaker::{Breaker, Probe},
    seldom::Seldom,
};
use tokio::time::timeout;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{self, Error},
};
use tower_sessions_redis_store::RedisStore;

use super::{tracked::Opened, tracking::track};
use crate::domain::{device::Once, sessions::RecordsUnavailable};

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

pub(super) static FAULTS: Seldom = Seldom::new();

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
pub async fn connect(config: Config) -> anyhow::Result<Arc<WhileThere>> {
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
    client.on_reconnect(|server| async move {
        tracing::info!(%server, "connected to Redis");
        Ok(())
    });
    let _task = client.connect();
    let _ = timeout(FIRST_CONNECTION, client.wait_for_connect()).await;
    Ok(Arc::new(WhileThere {
        breaker: Breaker::new("Redis".to_owned(), probe(client.clone())),
        store: RedisStore::new(client.clone()),
        client,
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

/// Asks Redis only while it answers.
#[derive(Clone, Debug)]
pub struct WhileThere {
    store: RedisStore<Client>,
    client: Client,
    breaker: Breaker,
}

impl WhileThere {
    /// Tells `opened` what changes in Redis (client-side caching), from now on, and whenever that cannot be told.
    pub fn track(&self, opened: Opened) {
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

#[async_trait]
impl SessionStore for WhileThere {
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
impl Once for WhileThere {
    async fn is_first(&self, name: &str, window: Duration) -> Result<bool, RecordsUnavailable> {
        let millis = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        let set = async {
            let (until, if_new) = (Some(Expiration::PX(millis)), Some(SetOptions::NX));
            let key = format!("once:{name}");
            let set = self.client.set(key, "", until, if_new, false).await;
            // Nothing, where it was there.
            set.map(|was_set: Option<String>| was_set.is_some())
                .map_err(|error| RecordsUnavailable(error.to_string()))
        };
        self.ask(set, RecordsUnavailable).await
    }
}
