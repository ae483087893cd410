//! The Redis that instances share. It sees keyed hashes and numbers.

use std::{fmt, time::Duration};

use holdfast_circuit_breaker::{CircuitBreaker, Probe};
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_server_kit::redis_info::{OLDEST_VERSION, RedisInfo};
use redis::{
    Client, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::time::timeout;

/// For a call as a whole.
const DEADLINE: Duration = Duration::from_millis(250);
/// What is written to find out whether it takes writes.
const PROBE_KEY: &str = "once:probe";
const LONGEST_RECONNECT: Duration = Duration::from_secs(1);

static EVICTS: LogRateLimiter = LogRateLimiter::new();
static TOO_OLD: LogRateLimiter = LogRateLimiter::new();

/// Where Redis is, and how one proves to it who one is.
#[derive(Clone)]
pub struct RedisUrl(Client);

impl RedisUrl {
    /// Takes a `redis://` URL.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(url: &str) -> Result<Self, String> {
        let client = Client::open(url).map_err(|why| why.to_string())?;
        Ok(Self(client))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(..)")
    }
}

/// A connection, made when it is first needed. Clones are the same one.
#[derive(Clone)]
pub struct Redis {
    connection: ConnectionManager,
    breaker: CircuitBreaker,
}

impl Redis {
    /// Takes where it is.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub fn new(RedisUrl(client): RedisUrl) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(DEADLINE))
            .set_response_timeout(Some(DEADLINE))
            .set_max_delay(LONGEST_RECONNECT)
            .set_number_of_retries(0);
        let connection = ConnectionManager::new_lazy_with_config(client, config)?;
        Ok(Self {
            breaker: CircuitBreaker::new("Redis".to_owned(), probe(connection.clone())),
            connection,
        })
    }

    /// Asks it once what it is, in the background.
    pub fn look(&self) {
        let mut connection = self.connection.clone();
        tokio::spawn(async move { timeout(DEADLINE, look_at(&mut connection)).await });
    }

    /// `None` while it does not answer.
    pub(super) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(ConnectionManager) -> RedisResult<T>,
    ) -> Option<T> {
        if self.breaker.is_open() {
            return None;
        }
        let answer = timeout(DEADLINE, question(self.connection.clone())).await;
        let answer = answer.map_err(|_| "no answer in time".to_owned());
        match answer.and_then(|answer| answer.map_err(|error: RedisError| error.to_string())) {
            Ok(answer) => Some(answer),
            Err(why) => {
                self.breaker.open(&why);
                None
            }
        }
    }
}

fn probe(connection: ConnectionManager) -> Probe {
    Box::new(move || {
        let mut connection = connection.clone();
        Box::pin(async move {
            // One that takes no writes is of no use, though it answers.
            let mut write = redis::cmd("SET");
            write.arg(PROBE_KEY).arg("").arg("PX").arg(1000);
            let answer: RedisResult<()> = write.query_async(&mut connection).await;
            answer.map_err(|error| error.to_string())?;
            // It was away, and may be another one now.
            look_at(&mut connection).await;
            Ok(())
        })
    })
}

/// Warns of a Redis that does not keep what it is given. One that does not say what it is is taken as it is.
async fn look_at(connection: &mut ConnectionManager) {
    let info = redis::cmd("INFO");
    let answer: RedisResult<String> = info.query_async(connection).await;
    let info = answer.map(|info| RedisInfo::parse(&info));
    let info = info.unwrap_or_default();
    if let Some(policy) = info.evicts() {
        EVICTS.log(|_| tracing::warn!(policy, "Redis evicts counters and used proofs when it is full; set maxmemory-policy to noeviction"));
    }
    if let Some(version) = info.too_old() {
        TOO_OLD.log(|_| tracing::error!(%version, oldest = %OLDEST_VERSION, "Redis is too old to keep counters"));
    }
}
