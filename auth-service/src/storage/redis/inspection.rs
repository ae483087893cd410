//! Inspection of a Redis, which changes nothing.

use std::time::Instant;

use anyhow::Context as _;
use holdfast_core::clock::Clock;
use holdfast_server_kit::{config::RedisUrl, doctor::checks::redis::RedisFacts};
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::storage::redis::{DEADLINE, RedisConnection, connection::Connector, infos};

/// Connects to a Redis, and reads its state.
///
/// # Errors
/// Why it cannot be used, in words.
pub async fn inspect(url: &RedisUrl, clock: &dyn Clock) -> Result<RedisFacts, String> {
    let facts = async {
        let connecting = async { anyhow::Ok(Connector::new(url)?.connect().await?) };
        let connected = timeout(DEADLINE * 4, connecting).await;
        let mut connection = connected.context("no answer in time")??;
        let begun = Instant::now();
        redis::cmd("PING")
            .query_async::<()>(&mut connection)
            .await?;
        Ok(RedisFacts {
            latency: begun.elapsed(),
            info: infos(&mut connection).await,
            clock: server_clock(&mut connection, clock).await,
        })
    };
    let facts: anyhow::Result<_> = facts.await;
    // The driver repeats its cause.
    facts.map_err(|error| error.root_cause().to_string())
}

/// `None` where the command is not permitted, and in a Cluster, where it has no one server.
async fn server_clock(
    connection: &mut RedisConnection,
    clock: &dyn Clock,
) -> Option<(OffsetDateTime, (OffsetDateTime, OffsetDateTime))> {
    if matches!(connection, RedisConnection::Cluster(_)) {
        return None;
    }
    let asked = clock.now();
    let answer = redis::cmd("TIME").query_async(connection).await;
    let (seconds, _microseconds): (i64, i64) = answer.ok()?;
    let shown = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    Some((shown, (asked, clock.now())))
}
