//! Inspection of a Redis, which changes nothing.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use holdfast_core::clock::{Clock, ClockReading};
use holdfast_server_kit::{config::RedisUrl, doctor::checks::redis::RedisFacts};
use redis::{
    ErrorKind, RedisResult, ServerErrorKind, Value,
    cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo},
    from_redis_value,
};
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::storage::redis::{DEADLINE, RedisConnection, connection::Connector, infos};

/// Connects to a Redis, and reads its state. Its user needs no permission for that; what it lacks leaves out a part.
///
/// # Errors
/// Why it cannot be used, in words.
pub async fn inspect(url: &RedisUrl, clock: &dyn Clock) -> Result<RedisFacts, String> {
    let facts = async {
        let connecting = async { anyhow::Ok(Connector::new(url)?.connect().await?) };
        let connected = timeout(DEADLINE * 4, connecting).await;
        let mut connection = connected.context("no answer in time")??;
        let (latency, clocks) = clocks(&mut connection, clock).await?;
        Ok(RedisFacts {
            latency,
            info: infos(&mut connection).await,
            clocks,
        })
    };
    let facts: anyhow::Result<_> = facts.await;
    // The driver repeats its cause.
    facts.map_err(|error| error.root_cause().to_string())
}

/// The duration of `TIME`, and the times of the server or of each node of a Cluster that is a master, which are empty where the command is
/// not permitted.
async fn clocks(
    connection: &mut RedisConnection,
    clock: &dyn Clock,
) -> RedisResult<(Duration, Vec<ClockReading>)> {
    let (begun, sent_at) = (Instant::now(), clock.now());
    let answer = query_time(connection).await;
    let (latency, received_at) = (begun.elapsed(), clock.now());
    let answers = match answer {
        Ok(Value::Map(nodes)) => nodes.into_iter().map(|(_, time)| time).collect(),
        Ok(time) => vec![time],
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) => Vec::new(),
        Err(error) => return Err(error),
    };
    let times = answers.into_iter().filter_map(time_of);
    let readings = times.map(|peer| ClockReading {
        peer,
        sent_at,
        received_at,
    });
    Ok((latency, readings.collect()))
}

async fn query_time(connection: &mut RedisConnection) -> RedisResult<Value> {
    let command = redis::cmd("TIME");
    match connection {
        RedisConnection::Server(connection) => command.query_async(connection).await,
        RedisConnection::Cluster(connection) => {
            let masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
            connection.route_command(command, masters).await
        }
    }
}

/// The time in an answer to `TIME`: seconds since 1970, and microseconds.
fn time_of(answer: Value) -> Option<OffsetDateTime> {
    let (seconds, _microseconds): (i64, i64) = from_redis_value(answer).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}
