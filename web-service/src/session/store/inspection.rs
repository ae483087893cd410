//! Inspection of the Redis of the sessions, which changes nothing.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use fred::{
    clients::Client,
    interfaces::{ClientLike as _, ClusterInterface as _, EventInterface as _},
};
use holdfast_core::clock::Clock;
use holdfast_server_kit::{
    config::RedisUrl, doctor::checks::redis::RedisFacts, redis_info::RedisInfo,
};
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::session::store::{redis_client, redis_records::RedisRecords, tracking::Tracking};

/// Time in which the connection has to be established.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// What a Redis answered.
#[derive(Debug)]
pub struct SessionRedisFacts {
    /// What matters to every Redis.
    pub common: RedisFacts,
    /// Whether it pushes changes of keys.
    pub is_tracked: bool,
}

/// Connects to a Redis, and reads its state.
///
/// # Errors
/// Why it cannot be used, in words.
pub async fn inspect(url: &RedisUrl, clock: &dyn Clock) -> Result<SessionRedisFacts, String> {
    let client = redis_client::client(url).map_err(|error| format!("{error:#}"))?;
    connect(&client).await?;
    let begun = Instant::now();
    let answer: Result<(), _> = client.ping(None).await;
    answer.map_err(|error| error.to_string())?;
    let common = RedisFacts {
        latency: begun.elapsed(),
        info: info(&client).await,
        clock: server_clock(&client, clock).await,
    };
    let is_tracked = Tracking::new(client.clone(), None).start().await;
    let _ = client.quit().await;
    Ok(SessionRedisFacts { common, is_tracked })
}

/// The client itself repeats its attempts for ever.
async fn connect(client: &Client) -> Result<(), String> {
    let latest = Arc::new(Mutex::new("no answer in time".to_owned()));
    let noted = latest.clone();
    client.on_error(move |(error, _server)| {
        *noted.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
        async { Ok(()) }
    });
    let _task = client.connect();
    match timeout(CONNECT_TIMEOUT, client.wait_for_connect()).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_elapsed) => Err(latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()),
    }
}

/// `INFO` of the server, or of each node of a Cluster; empty where the command is denied.
async fn info(client: &Client) -> Vec<RedisInfo> {
    let nodes = client.cached_cluster_state();
    let mut answers = Vec::new();
    match nodes {
        Some(nodes) if client.is_clustered() => {
            for node in nodes.unique_primary_nodes() {
                answers.extend(client.with_cluster_node(node).info::<String>(None).await);
            }
        }
        _ => answers.extend(client.info::<String>(None).await),
    }
    answers
        .iter()
        .map(|answer| RedisInfo::parse(answer))
        .collect()
}

/// `None` where the command is not permitted, and in a Cluster, where it has no one server.
async fn server_clock(
    client: &Client,
    clock: &dyn Clock,
) -> Option<(OffsetDateTime, (OffsetDateTime, OffsetDateTime))> {
    if client.is_clustered() {
        return None;
    }
    let asked = clock.now();
    let shown = RedisRecords::new(client.clone()).time().await.ok()??;
    Some((shown, (asked, clock.now())))
}
