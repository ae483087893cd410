//! The faults, by part and kind.
//!
//! The names are those of [`Fault`]. `ha.rs` repeats those with a dagger in the stack of `deploy/ha`, where a filter drops all packets of a part
//! that is unreachable.
//!
//! | part | killed (SIGKILL) | suspended (SIGSTOP) | unreachable | connections cut | slow | clock wrong | disk full |
//! |---|---|---|---|---|---|---|---|
//! | primary | `PrimaryKilled` † | `PrimaryPaused` | `DatabaseBalancerPaused` † | `DatabaseConnectionsCut` | `DatabaseSlow` | 1 | `PrimaryDiskFull` |
//! | standby | `StandbyKilled` † | `StandbyPaused` | `StandbyUnreachable` | `StandbyConnectionCut` | `StandbySlow` | 1 | `StandbyDiskFull` |
//! | balancer of the database | `DatabaseBalancerKilled` | `DatabaseBalancerPaused` | 2 | 2 | 2 | 3 | 3 |
//! | Redis master | `RedisMasterKilled` † | `RedisMasterPaused` | `RedisMasterUnreachable` † | `RedisConnectionsCut` | `RedisSlow` | 4 | `RedisMasterDiskFull` |
//! | Sentinel | `SentinelKilled` † | `SentinelPaused` | 5 | 5 | 5 | 6 | 6 |
//! | auth-service | `AuthKilled` † | `AuthPaused` | `AuthUnreachable` † | `AuthConnectionsCut` | `AuthSlow` | `AuthClockAhead`, `AuthClockBehind` | 7 |
//! | web-service | `WebKilled` † | `WebPaused` | 8 † | `WebConnectionsCut` | `WebSlow` | `WebClockAhead`, `WebClockBehind` | 7 |
//! | balancer of web-service | `WebBalancerKilled` | `WebBalancerPaused` | 2 | 2 | 2 | 3 | 3 |
//!
//! 1. Only leases end by the clock of the database. They decide which instance does a task, not what is allowed (ADR 39).
//! 2. The same as for the servers behind it: clients see only the connection.
//! 3. It decides nothing by a clock, and writes nothing.
//! 4. Sessions and counters expire by this clock alone, and it has no other to differ from. Commands ask for it.
//! 5. The same as suspended: it does not answer. The other two do.
//! 6. A Sentinel whose clock leaps does nothing for half a minute, which is the same as suspended. It writes only who the master is.
//! 7. Neither service writes while it runs: its stores are PostgreSQL and Redis. A full database of `SQLite` is a case of
//!    `holdfast-store-sqlite`.
//! 8. The same as suspended, for clients; cut off from what is behind it: `caches.rs` and `outage_metrics.rs` in `e2e/tests/e2e`.
//!
//! A replica of Redis is not read. With `WEB_SESSION_REPLICAS` sign-ins wait for it: `redis_group.rs` in `e2e/tests/e2e`. etcd is a part of
//! `deploy/ha` alone.

use std::time::Duration;

use crate::injection::DISTURBANCE;

/// Limits of the time during which requests fail (`deploy/ha` measures the same with Patroni and `HAProxy`).
const SERVICE_LIMIT: Duration = Duration::from_secs(5);
const REDIS_LIMIT: Duration = Duration::from_secs(10);
const DATABASE_LIMIT: Duration = Duration::from_secs(15);

/// A fault of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    PrimaryKilled,
    PrimaryPaused,
    PrimaryDiskFull,
    StandbyKilled,
    StandbyPaused,
    StandbyUnreachable,
    StandbyConnectionCut,
    StandbySlow,
    StandbyDiskFull,
    DatabaseConnectionsCut,
    DatabaseSlow,
    DatabaseBalancerKilled,
    DatabaseBalancerPaused,
    RedisMasterKilled,
    RedisMasterPaused,
    RedisMasterUnreachable,
    RedisMasterDiskFull,
    RedisConnectionsCut,
    RedisSlow,
    SentinelKilled,
    SentinelPaused,
    AuthKilled,
    AuthPaused,
    AuthUnreachable,
    AuthConnectionsCut,
    AuthSlow,
    AuthClockAhead,
    AuthClockBehind,
    WebKilled,
    WebPaused,
    WebConnectionsCut,
    WebSlow,
    WebClockAhead,
    WebClockBehind,
    WebBalancerKilled,
    WebBalancerPaused,
}

/// What a fault affects. Two faults of different parts can come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Database,
    Redis,
    Sentinel,
    Auth,
    Web,
}

impl Fault {
    /// All faults, in the order in which they are injected.
    pub(crate) const ALL: [Self; 36] = [
        Self::AuthKilled,
        Self::AuthPaused,
        Self::AuthUnreachable,
        Self::AuthConnectionsCut,
        Self::AuthSlow,
        Self::AuthClockAhead,
        Self::AuthClockBehind,
        Self::WebKilled,
        Self::WebPaused,
        Self::WebConnectionsCut,
        Self::WebSlow,
        Self::WebClockAhead,
        Self::WebClockBehind,
        Self::WebBalancerKilled,
        Self::WebBalancerPaused,
        Self::RedisMasterKilled,
        Self::RedisMasterPaused,
        Self::RedisMasterUnreachable,
        Self::RedisMasterDiskFull,
        Self::RedisConnectionsCut,
        Self::RedisSlow,
        Self::SentinelKilled,
        Self::SentinelPaused,
        Self::DatabaseConnectionsCut,
        Self::DatabaseSlow,
        Self::DatabaseBalancerKilled,
        Self::DatabaseBalancerPaused,
        Self::StandbyKilled,
        Self::StandbyPaused,
        Self::StandbyUnreachable,
        Self::StandbyConnectionCut,
        Self::StandbySlow,
        Self::StandbyDiskFull,
        Self::PrimaryKilled,
        Self::PrimaryPaused,
        Self::PrimaryDiskFull,
    ];

    pub(crate) const fn part(self) -> Part {
        match self {
            Self::PrimaryKilled
            | Self::PrimaryPaused
            | Self::PrimaryDiskFull
            | Self::StandbyKilled
            | Self::StandbyPaused
            | Self::StandbyUnreachable
            | Self::StandbyConnectionCut
            | Self::StandbySlow
            | Self::StandbyDiskFull
            | Self::DatabaseConnectionsCut
            | Self::DatabaseSlow
            | Self::DatabaseBalancerKilled
            | Self::DatabaseBalancerPaused => Part::Database,
            Self::RedisMasterKilled
            | Self::RedisMasterPaused
            | Self::RedisMasterUnreachable
            | Self::RedisMasterDiskFull
            | Self::RedisConnectionsCut
            | Self::RedisSlow => Part::Redis,
            Self::SentinelKilled | Self::SentinelPaused => Part::Sentinel,
            Self::AuthKilled
            | Self::AuthPaused
            | Self::AuthUnreachable
            | Self::AuthConnectionsCut
            | Self::AuthSlow
            | Self::AuthClockAhead
            | Self::AuthClockBehind => Part::Auth,
            Self::WebKilled
            | Self::WebPaused
            | Self::WebConnectionsCut
            | Self::WebSlow
            | Self::WebClockAhead
            | Self::WebClockBehind
            | Self::WebBalancerKilled
            | Self::WebBalancerPaused => Part::Web,
        }
    }

    /// Whether a replica of Redis becomes the master, which may lack the latest sessions.
    pub(crate) const fn replaces_redis(self) -> bool {
        matches!(
            self,
            Self::RedisMasterKilled
                | Self::RedisMasterPaused
                | Self::RedisMasterUnreachable
                | Self::RedisMasterDiskFull
        )
    }

    /// Whether requests fail for as long as the fault lasts, as nothing replaces the part, or as the part keeps what it has accepted.
    const fn lasts(self) -> bool {
        matches!(
            self,
            Self::AuthPaused
                | Self::AuthUnreachable
                | Self::AuthConnectionsCut
                | Self::WebPaused
                | Self::WebConnectionsCut
                | Self::WebBalancerPaused
                | Self::RedisConnectionsCut
        )
    }

    /// Limit of the time during which requests fail.
    pub(crate) fn limit(self) -> Duration {
        let limit = match self.part() {
            Part::Database => DATABASE_LIMIT,
            Part::Redis | Part::Sentinel => REDIS_LIMIT,
            Part::Auth | Part::Web => SERVICE_LIMIT,
        };
        if self.lasts() {
            limit + DISTURBANCE
        } else {
            limit
        }
    }
}

#[test]
fn matrix_has_each_fault() {
    let rows: Vec<_> = include_str!("fault.rs")
        .lines()
        .filter(|line| line.starts_with("//! |"))
        .collect();
    for fault in Fault::ALL {
        let cell = format!("`{fault:?}`");
        assert!(rows.iter().any(|row| row.contains(&cell)), "{cell}");
    }
}
