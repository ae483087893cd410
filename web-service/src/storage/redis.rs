//! The Redis client behind `tower-sessions-redis-store`, set up so that a dead Redis costs half a second and no more.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use fred::{
    clients::Client,
    interfaces::{ClientLike as _, EventInterface as _},
    types::{
        Builder,
        config::{Config, ReconnectPolicy, UnresponsiveConfig},
    },
};
use tower_sessions::SessionStore;
use tower_sessions_redis_store::RedisStore;

const COMMAND_TIMEOUT: Duration = Duration::from_millis(500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const UNRESPONSIVE_AFTER: Duration = Duration::from_secs(2);
const UNRESPONSIVE_CHECK: Duration = Duration::from_millis(500);
const FIRST_RECONNECT_MS: u32 = 100;
const LAST_RECONNECT_MS: u32 = 2_000;
const COMMAND_BUFFER: usize = 1024;

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

/// Starts connecting and gives the store at once; until the connection stands, its calls fail in time.
///
/// # Errors
/// When the client cannot be built.
pub fn connect(config: Config) -> anyhow::Result<Arc<dyn SessionStore>> {
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
        tracing::warn!(%error, ?server, "Redis connection lost; reconnecting");
        Ok(())
    });
    client.on_reconnect(|server| async move {
        tracing::info!(%server, "connected to Redis");
        Ok(())
    });
    let _task = client.connect();
    Ok(Arc::new(RedisStore::new(client)))
}
