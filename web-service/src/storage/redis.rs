//! The Redis client behind `tower-sessions-redis-store`. While the connection is down a call fails at once; while it hangs,
//! after half a second, and a connection that hangs for a second counts as down.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use async_trait::async_trait;
use fred::{
    clients::Client,
    interfaces::{ClientLike as _, EventInterface as _},
    types::{
        Builder,
        config::{Config, ReconnectPolicy, UnresponsiveConfig},
    },
};
use service_kit::seldom::Seldom;
use tokio::time::timeout;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store,
};
use tower_sessions_redis_store::RedisStore;

const COMMAND_TIMEOUT: Duration = Duration::from_millis(500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const UNRESPONSIVE_AFTER: Duration = Duration::from_secs(1);
const UNRESPONSIVE_CHECK: Duration = Duration::from_millis(250);
const FIRST_RECONNECT_MS: u32 = 100;
const LAST_RECONNECT_MS: u32 = 1_000;
const COMMAND_BUFFER: usize = 1024;

/// How long a start waits for the first connection; a Redis that is away must not keep the service from starting.
const FIRST_CONNECTION: Duration = Duration::from_millis(200);

static FAULTS: Seldom = Seldom::new();

/// Checks a `redis://` URL.
///
/// # Errors
/// What is wrong with it.
pub fn parse(url: &str) -> Result<Config, String> {
    let mut config = Config::from_url(url).map_err(|why| why.details().to_owned())?;
    // A Redis that is away when this service starts is no different from one that goes away later.
    config.fail_fast = false;
    Ok(config)
}

/// Starts connecting; until the connection stands, the store's calls fail.
///
/// # Errors
/// When the client cannot be built.
pub async fn connect(config: Config) -> anyhow::Result<Arc<dyn SessionStore>> {
    let client: Client = Builder::from_config(config)
        .with_performance_config(|performance| {
            performance.default_command_timeout = COMMAND_TIMEOUT;
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
    Ok(Arc::new(WhileConnected {
        store: RedisStore::new(client.clone()),
        client,
    }))
}

/// Asks Redis only while there is a connection, and does not queue for one.
#[derive(Clone, Debug)]
struct WhileConnected {
    store: RedisStore<Client>,
    client: Client,
}

impl WhileConnected {
    fn connected(&self) -> session_store::Result<&RedisStore<Client>> {
        if self.client.is_connected() {
            Ok(&self.store)
        } else {
            Err(session_store::Error::Backend(
                "there is no connection to Redis".to_owned(),
            ))
        }
    }
}

#[async_trait]
impl SessionStore for WhileConnected {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.connected()?.create(record).await
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.connected()?.save(record).await
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.connected()?.load(id).await
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.connected()?.delete(id).await
    }
}
