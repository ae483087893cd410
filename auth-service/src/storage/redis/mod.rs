//! The Redis that instances share. It holds keyed hashes and numbers only.

mod connection;
mod inspection;

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use holdfast_circuit_breaker::{CircuitBreaker, PeerKind, Probe};
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_metrics::{Counter, Gauge, Histogram, InProgress, Registry, durations, observe};
use holdfast_server_kit::{
    config::RedisUrl,
    redis_info::{OLDEST_VERSION, RedisInfo},
};
use holdfast_trace::child_span;
use redis::{FromRedisValue as _, RedisError, RedisResult, Value};
use tokio::{sync::Mutex, time::timeout};
use tracing::Instrument as _;

use self::connection::Connector;
pub use self::{connection::RedisConnection, inspection::inspect};

/// The longest time of a call, including the connection.
const DEADLINE: Duration = Duration::from_millis(500);
/// The kind and name of the key that the probe writes, as Redis may accept reads only.
const PROBE_KEY: (&str, &str) = ("once", "probe");
/// In a Cluster all keys have this hash tag, as a script takes keys of one slot only, and so that the probe finds out whether the node of
/// all keys is available.
const HASH_TAG: &str = "{holdfast}:";

static COMMANDS: LazyLock<Histogram> = LazyLock::new(durations);
static FAILURES: LazyLock<Counter> = LazyLock::new(Counter::default);
static IN_FLIGHT: LazyLock<Gauge> = LazyLock::new(Gauge::default);

/// Adds the commands of the counters and the replay cache to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(
        "redis_command_duration_seconds",
        "Duration of commands that Redis answered",
        COMMANDS.clone(),
    );
    registry.register(
        "redis_command_failures",
        "Commands that Redis did not answer in time, or answered with an error",
        FAILURES.clone(),
    );
    registry.register(
        "redis_commands_in_flight",
        "Commands that wait for the connection to Redis, or for an answer on it: all share one",
        IN_FLIGHT.clone(),
    );
}

static EVICTS: LogRateLimiter = LogRateLimiter::new("redis.evicts");
static TOO_OLD: LogRateLimiter = LogRateLimiter::new("redis.too_old");

/// A connection, established by the first call, behind a circuit breaker. Clones share both.
#[derive(Clone)]
pub struct Redis {
    connections: Connections,
    breaker: CircuitBreaker,
}

impl Redis {
    /// The Redis of `url`. Its certificates are read; nothing is connected yet.
    ///
    /// # Errors
    /// A certificate or key cannot be used.
    pub fn new(url: &RedisUrl) -> anyhow::Result<Self> {
        let connections = Connections(Arc::new(Shared {
            connector: Connector::new(url)?,
            current: Mutex::default(),
        }));
        Ok(Self {
            breaker: CircuitBreaker::new(
                PeerKind::Redis,
                "Redis".to_owned(),
                probe(connections.clone()),
            ),
            connections,
        })
    }

    /// Logs, in the background, whether the server is too old or evicts keys.
    pub fn check_server(&self) {
        let connections = self.connections.clone();
        tokio::spawn(timeout(DEADLINE, async move {
            if let Ok(mut connection) = connections.current().await {
                check_info(&mut connection).await;
            }
        }));
    }

    /// The key of a value in Redis.
    pub(super) fn key(&self, kind: &str, name: &str) -> String {
        self.connections.key((kind, name))
    }

    /// Whether commands are sent.
    pub(super) fn is_available(&self) -> bool {
        !self.breaker.is_open()
    }

    /// The result of a command; `None` while Redis is unavailable.
    pub(super) async fn call<T>(
        &self,
        command: impl AsyncFnOnce(RedisConnection) -> RedisResult<T>,
    ) -> Option<T> {
        if self.breaker.is_open() {
            return None;
        }
        let begun = Instant::now();
        let _in_flight = InProgress::begin(&IN_FLIGHT);
        let answer = timeout(DEADLINE, async {
            command(self.connections.current().await?).await
        });
        let span = child_span!(
            "Redis command",
            otel.kind = "client",
            db.system.name = "redis"
        );
        let answer = answer
            .instrument(span)
            .await
            .map_err(|_| "no answer in time".to_owned());
        match answer.and_then(|answer| answer.map_err(|error: RedisError| error.to_string())) {
            Ok(answer) => {
                observe(&COMMANDS, begun.elapsed());
                Some(answer)
            }
            Err(why) => {
                FAILURES.inc();
                self.connections.close();
                self.breaker.open(&why);
                None
            }
        }
    }
}

/// The current connection. Clones share it.
#[derive(Clone)]
struct Connections(Arc<Shared>);

struct Shared {
    connector: Connector,
    current: Mutex<Option<RedisConnection>>,
}

impl Connections {
    /// The current connection, which is established where there is none.
    async fn current(&self) -> RedisResult<RedisConnection> {
        let mut current = self.0.current.lock().await;
        if let Some(connection) = &*current {
            return Ok(connection.clone());
        }
        let connection = self.0.connector.connect().await?;
        Ok(current.insert(connection).clone())
    }

    /// Closes the current connection after a failed call: the server may be gone, or not be the master any more.
    fn close(&self) {
        // While it is locked, a new one is being established.
        if let Ok(mut current) = self.0.current.try_lock() {
            *current = None;
        }
    }

    fn key(&self, (kind, name): (&str, &str)) -> String {
        let tag = if self.0.connector.is_cluster() {
            HASH_TAG
        } else {
            ""
        };
        format!("{tag}{kind}:{name}")
    }

    /// Writes a key, as a server that accepts no writes is not available.
    async fn probe(&self) -> RedisResult<()> {
        let mut connection = self.current().await?;
        let mut write = redis::cmd("SET");
        write.arg(self.key(PROBE_KEY)).arg("").arg("PX").arg(1000);
        write.query_async::<()>(&mut connection).await?;
        // After an outage this may be another server.
        check_info(&mut connection).await;
        Ok(())
    }
}

fn probe(connections: Connections) -> Probe {
    Box::new(move || {
        let connections = connections.clone();
        Box::pin(async move {
            let probe = timeout(DEADLINE * 2, connections.probe()).await;
            let failure = match probe {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error.to_string(),
                Err(_elapsed) => "no answer in time".to_owned(),
            };
            connections.close();
            Err(failure)
        })
    })
}

/// Logs whether a server is too old or evicts keys. A server that denies `INFO` is used without this check.
async fn check_info(connection: &mut RedisConnection) {
    infos(connection).await.iter().for_each(report);
}

/// `INFO` of the server, or of each node of a Cluster; empty where the command is denied.
async fn infos(connection: &mut RedisConnection) -> Vec<RedisInfo> {
    let info = redis::cmd("INFO");
    let answer: RedisResult<Value> = info.query_async(connection).await;
    let nodes = match answer {
        // Of a Cluster: the reply of each node by its address.
        Ok(Value::Map(nodes)) => nodes.into_iter().map(|(_, info)| info).collect(),
        Ok(info) => vec![info],
        Err(_) => Vec::new(),
    };
    let texts = nodes.into_iter().map(String::from_redis_value);
    texts
        .flatten()
        .map(|info| RedisInfo::parse(&info))
        .collect()
}

fn report(info: &RedisInfo) {
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
