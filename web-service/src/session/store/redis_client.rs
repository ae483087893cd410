//! The client of the Redis that a URL names.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use fred::{
    clients::Client,
    types::{
        Builder, RespVersion,
        config::{
            Config, ConnectionConfig, ReconnectError, ReconnectPolicy, Server, ServerConfig,
            TlsConfig, TlsConnector,
        },
    },
};
use holdfast_server_kit::config::{RedisCredentials, RedisNode, RedisTopology, RedisUrl};
use holdfast_tls::{TlsFiles, TlsMaterial};
use secrecy::ExposeSecret as _;

/// After this time the client drops a command; the caller has given up before.
const ABANDONED_AFTER: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause before a reconnection in milliseconds, also before the first connection; it doubles each time.
const FIRST_RECONNECT_MS: u32 = 10;
const LAST_RECONNECT_MS: u32 = 1_000;
const COMMAND_BUFFER: usize = 1024;

/// Number of invalidations that can wait; when more come, the cache is cleared.
const INVALIDATIONS: usize = 4096;

/// A client that is not connected yet.
///
/// # Errors
/// A certificate or key cannot be used.
pub(super) fn client(url: &RedisUrl) -> anyhow::Result<Client> {
    build(config(url)?, &url.topology)
}

/// A client of one Sentinel that is not connected yet.
///
/// # Errors
/// A certificate or key cannot be used.
pub(super) fn sentinel(url: &RedisUrl, node: &RedisNode) -> anyhow::Result<Client> {
    let credentials = &url.credentials;
    let password = credentials.sentinel_password.as_ref();
    let config = Config {
        username: credentials.sentinel_user.clone(),
        password: password.map(|password| password.expose_secret().to_owned()),
        server: ServerConfig::Centralized {
            server: server(node),
        },
        database: None,
        version: RespVersion::RESP2,
        ..config(url)?
    };
    build(config, &url.topology)
}

fn build(config: Config, topology: &RedisTopology) -> anyhow::Result<Client> {
    Builder::from_config(config)
        .with_performance_config(|performance| {
            performance.default_command_timeout = ABANDONED_AFTER;
            performance.broadcast_channel_capacity = INVALIDATIONS;
        })
        .with_connection_config(|connection| limit(connection, topology))
        .set_policy(ReconnectPolicy::new_exponential(
            0,
            FIRST_RECONNECT_MS,
            LAST_RECONNECT_MS,
            2,
        ))
        .build()
        .context("the client of Redis cannot be built")
}

fn limit(connection: &mut ConnectionConfig, topology: &RedisTopology) {
    connection.connection_timeout = CONNECT_TIMEOUT;
    connection.internal_command_timeout = CONNECT_TIMEOUT;
    connection.max_command_attempts = 1;
    connection.max_command_buffer_len = COMMAND_BUFFER;
    if matches!(topology, RedisTopology::Sentinel { .. }) {
        // A server that was demoted; Sentinel names the new master.
        connection.reconnect_errors.push(ReconnectError::ReadOnly);
    }
}

fn config(url: &RedisUrl) -> anyhow::Result<Config> {
    let RedisCredentials { user, password, .. } = &url.credentials;
    let tls = url.tls.as_ref().map(tls).transpose()?;
    Ok(Config {
        username: user.clone(),
        password: password
            .as_ref()
            .map(|password| password.expose_secret().to_owned()),
        server: servers(url),
        database: (url.database > 0).then_some(url.database),
        tls,
        // Redis pushes invalidations over the same connection.
        version: RespVersion::RESP3,
        // An outage at the start is handled like a later one.
        fail_fast: false,
        ..Config::default()
    })
}

fn server(node: &RedisNode) -> Server {
    Server::new(node.host.as_str(), node.port)
}

fn servers(url: &RedisUrl) -> ServerConfig {
    let credentials = &url.credentials;
    match &url.topology {
        RedisTopology::Server(node) => ServerConfig::Centralized {
            server: server(node),
        },
        RedisTopology::Socket(path) => ServerConfig::Unix { path: path.clone() },
        RedisTopology::Sentinel { sentinels, master } => ServerConfig::Sentinel {
            hosts: sentinels.iter().map(server).collect(),
            service_name: master.clone(),
            username: Some(sentinel_user(credentials)),
            password: Some(sentinel_password(credentials)),
        },
        RedisTopology::Cluster(nodes) => ServerConfig::Clustered {
            hosts: nodes.iter().map(server).collect(),
            policy: fred::types::config::ClusterDiscoveryPolicy::default(),
        },
    }
}

/// `AUTH` is the only command after whose deadline the client continues with the next Sentinel. So it is sent also where no password is
/// needed: the user `default` has none, and accepts any.
fn sentinel_user(credentials: &RedisCredentials) -> String {
    let user = credentials.sentinel_user.as_deref();
    user.unwrap_or("default").to_owned()
}

fn sentinel_password(credentials: &RedisCredentials) -> String {
    let password = credentials.sentinel_password.as_ref();
    password.map_or_else(String::new, |password| password.expose_secret().to_owned())
}

fn tls(files: &TlsFiles) -> anyhow::Result<TlsConfig> {
    let material = TlsMaterial::load(files);
    let material = material.map_err(|problems| anyhow!(problems.join("; ")))?;
    Ok(TlsConnector::from(material.client_config()?).into())
}
