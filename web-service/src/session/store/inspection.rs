//! Inspection of the Redis of the sessions, which changes nothing.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use fred::{
    clients::Client,
    error::Error,
    interfaces::{ClientLike, ClusterInterface as _, EventInterface as _},
    types::CustomCommand,
};
use holdfast_core::clock::{Clock, ClockReading};
use holdfast_server_kit::{
    config::{RedisTopology, RedisUrl},
    doctor::checks::redis::RedisFacts,
    redis_info::RedisInfo,
};
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::session::store::{redis_client, tracking::Tracking};

/// Time in which a connection to one server has to be established.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time after which the client continues with the next Sentinel.
const NEXT_SENTINEL_AFTER: Duration = Duration::from_secs(1);

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
    connect(&client, connect_timeout(url)).await?;
    let clocks = clocks(&client, clock).await;
    let (latency, clocks) = clocks.map_err(|error| error.to_string())?;
    let common = RedisFacts {
        latency,
        info: info(&client).await,
        clocks,
    };
    let is_tracked = Tracking::new(client.clone(), None).start().await;
    let _ = client.quit().await;
    Ok(SessionRedisFacts { common, is_tracked })
}

/// The time in which a connection has to be established: the client queries Sentinels one after the other.
#[must_use]
pub fn connect_timeout(url: &RedisUrl) -> Duration {
    let further = match &url.topology {
        RedisTopology::Sentinel { sentinels, .. } => sentinels.len(),
        _ => 0,
    };
    let further = u32::try_from(further).unwrap_or(u32::MAX);
    CONNECT_TIMEOUT + NEXT_SENTINEL_AFTER.saturating_mul(further)
}

/// The client itself repeats its attempts for ever.
async fn connect(client: &Client, deadline: Duration) -> Result<(), String> {
    let latest = Arc::new(Mutex::new("no answer in time".to_owned()));
    let noted = latest.clone();
    client.on_error(move |(error, _server)| {
        *noted.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
        async { Ok(()) }
    });
    let _task = client.connect();
    match timeout(deadline, client.wait_for_connect()).await {
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

/// The longest duration of `TIME`, and the clock of the server, or of each node of a Cluster that is a master; empty where the command is
/// not permitted.
async fn clocks(
    client: &Client,
    clock: &dyn Clock,
) -> Result<(Duration, Vec<ClockReading>), Error> {
    let nodes = client.cached_cluster_state();
    let mut answers = Vec::new();
    match nodes {
        Some(nodes) if client.is_clustered() => {
            for node in nodes.unique_primary_nodes() {
                answers.push(clock_of(&client.with_cluster_node(node), clock).await?);
            }
        }
        _ => answers.push(clock_of(client, clock).await?),
    }
    let slowest = answers.iter().map(|(latency, _)| *latency).max();
    let readings = answers.into_iter().filter_map(|(_, reading)| reading);
    Ok((slowest.unwrap_or_default(), readings.collect()))
}

/// `None` where the command is not permitted.
async fn clock_of(
    client: &impl ClientLike,
    clock: &dyn Clock,
) -> Result<(Duration, Option<ClockReading>), Error> {
    let command = CustomCommand::new_static("TIME", None::<u16>, false);
    let (begun, sent_at) = (Instant::now(), clock.now());
    let answer = client.custom(command, Vec::<String>::new()).await;
    let (latency, received_at) = (begun.elapsed(), clock.now());
    let (seconds, _microseconds): (i64, i64) = match answer {
        Ok(time) => time,
        Err(error) if error.details().starts_with("NOPERM") => return Ok((latency, None)),
        Err(error) => return Err(error),
    };
    let peer = OffsetDateTime::from_unix_timestamp(seconds).ok();
    let reading = peer.map(|peer| ClockReading {
        peer,
        sent_at,
        received_at,
    });
    Ok((latency, reading))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_timeout_grows_with_the_number_of_sentinels() {
        let seconds = |url| connect_timeout(&RedisUrl::parse("REDIS", url).unwrap()).as_secs();
        assert_eq!(seconds("redis://redis"), 2);
        assert_eq!(seconds("redis+sentinel://one/master"), 3);
        assert_eq!(
            seconds("redis+sentinel://one,two,three,four,five/master"),
            7
        );
    }
}
