//! The Redis that instances share. It holds keyed hashes and numbers only.

use std::time::Duration;

use holdfast_circuit_breaker::{CircuitBreaker, Probe};
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_server_kit::{
    config::RedisUrl,
    redis_info::{OLDEST_VERSION, RedisInfo},
};
use redis::{
    Client, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::time::timeout;

/// The longest time of a call, including the connection.
const DEADLINE: Duration = Duration::from_millis(250);
/// The key that the probe writes, as Redis may accept reads only.
const PROBE_KEY: &str = "once:probe";
/// The longest delay between two attempts to connect.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(1);

static EVICTS: LogRateLimiter = LogRateLimiter::new();
static TOO_OLD: LogRateLimiter = LogRateLimiter::new();

/// A connection, established by the first call, behind a circuit breaker. Clones share both.
#[derive(Clone)]
pub struct Redis {
    connection: ConnectionManager,
    breaker: CircuitBreaker,
}

impl Redis {
    /// A connection to `url`, which is not established yet.
    ///
    /// # Errors
    /// The driver cannot use the URL.
    pub fn new(url: &RedisUrl) -> RedisResult<Self> {
        let client = Client::open(url.expose())?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(DEADLINE))
            .set_response_timeout(Some(DEADLINE))
            .set_max_delay(MAX_RECONNECT_DELAY)
            .set_number_of_retries(0);
        let connection = ConnectionManager::new_lazy_with_config(client, config)?;
        Ok(Self {
            breaker: CircuitBreaker::new("Redis".to_owned(), probe(connection.clone())),
            connection,
        })
    }

    /// Logs, in the background, whether the server is too old or evicts keys.
    pub fn check_server(&self) {
        let mut connection = self.connection.clone();
        tokio::spawn(async move { timeout(DEADLINE, check_info(&mut connection)).await });
    }

    /// The result of a command; `None` while Redis is unavailable.
    pub(super) async fn call<T>(
        &self,
        command: impl AsyncFnOnce(ConnectionManager) -> RedisResult<T>,
    ) -> Option<T> {
        if self.breaker.is_open() {
            return None;
        }
        let answer = timeout(DEADLINE, command(self.connection.clone())).await;
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
            // A server that accepts no writes is not available.
            let mut write = redis::cmd("SET");
            write.arg(PROBE_KEY).arg("").arg("PX").arg(1000);
            let answer: RedisResult<()> = write.query_async(&mut connection).await;
            answer.map_err(|error| error.to_string())?;
            // After an outage this may be another server.
            check_info(&mut connection).await;
            Ok(())
        })
    })
}

/// Logs whether the server is too old or evicts keys. A server that denies `INFO` is used without this check.
async fn check_info(connection: &mut ConnectionManager) {
    let info = redis::cmd("INFO");
    let answer: RedisResult<String> = info.query_async(connection).await;
    let info = answer.map(|info| RedisInfo::parse(&info));
    let info = info.unwrap_or_default();
    if let Some(policy) = info.evicts() {
        EVICTS.log(|_| {
            tracing::warn!(
                event = "redis.evicts",
                policy,
                "Redis evicts counters and used proofs when it is full; set maxmemory-policy to noeviction"
            );
        });
    }
    if let Some(version) = info.too_old() {
        TOO_OLD.log(|_| {
            tracing::error!(
                event = "redis.too_old",
                %version,
                oldest = %OLDEST_VERSION,
                "Redis is too old to keep counters"
            );
        });
    }
}
