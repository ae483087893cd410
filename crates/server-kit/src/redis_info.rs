//! The state of a Redis, from its `INFO`.

use std::fmt;

/// The oldest supported version.
pub const OLDEST_VERSION: Version = Version(6, 2);

/// The `maxmemory-policy` that keeps all data until it expires. With any other one, a full Redis removes data that is still needed.
const NO_EVICTION: &str = "noeviction";

/// The part of `maxmemory` from which on a Redis is about to be full, in percent.
const ALMOST_FULL: u64 = 90;

/// The major and minor version of a Redis, displayed as `6.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The relevant part of `INFO`. A field that is missing counts as acceptable, as a Redis user may lack permission for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the response"
)]
pub struct RedisInfo {
    version: Option<Version>,
    eviction_policy: Option<String>,
    /// `maxmemory` and `used_memory` in bytes.
    memory: Option<(u64, u64)>,
    is_replica: bool,
    /// Whether the last snapshot failed, after which Redis accepts no writes unless `stop-writes-on-bgsave-error` is `no`.
    has_snapshot_failed: bool,
    /// Whether the last write to the append-only file failed, after which Redis accepts no writes.
    has_append_failed: bool,
    replicas: usize,
    has_append_only_file: bool,
}

impl RedisInfo {
    /// Parses the response to `INFO`.
    #[must_use]
    pub fn parse(info: &str) -> Self {
        let field = |name: &str| {
            info.lines()
                .filter_map(|line| line.trim_end().split_once(':'))
                .find_map(|(field, value)| (field == name).then_some(value))
        };
        let number = |name| field(name).and_then(|value| value.parse::<u64>().ok());
        let is = |name, expected| field(name).is_some_and(|value| value == expected);
        Self {
            version: field("redis_version").and_then(parse_version),
            eviction_policy: field("maxmemory_policy").map(str::to_owned),
            memory: number("maxmemory").zip(number("used_memory")),
            is_replica: is("role", "slave"),
            has_snapshot_failed: is("rdb_last_bgsave_status", "err"),
            has_append_failed: is("aof_last_write_status", "err"),
            replicas: number("connected_slaves")
                .and_then(|replicas| replicas.try_into().ok())
                .unwrap_or_default(),
            has_append_only_file: is("aof_enabled", "1"),
        }
    }

    /// The version, if it is older than [`OLDEST_VERSION`].
    #[must_use]
    pub fn too_old(&self) -> Option<Version> {
        self.version.filter(|version| *version < OLDEST_VERSION)
    }

    /// The eviction policy, if it removes data that has not expired.
    #[must_use]
    pub fn evicts(&self) -> Option<&str> {
        let policy = self.eviction_policy.as_deref();
        policy.filter(|policy| *policy != NO_EVICTION)
    }

    /// The used part of `maxmemory` in percent, if it is almost full.
    #[must_use]
    pub fn memory_used(&self) -> Option<u64> {
        let (limit, used) = self.memory?;
        let percent = used.saturating_mul(100).checked_div(limit);
        percent.filter(|percent| *percent >= ALMOST_FULL)
    }

    /// Why it accepts no writes, if it does not.
    #[must_use]
    pub const fn refuses_writes(&self) -> Option<&'static str> {
        if self.is_replica {
            Some("the server is a replica")
        } else if self.has_append_failed {
            Some("Redis could not write its append-only file")
        } else {
            None
        }
    }

    /// Why it may accept no writes, depending on `stop-writes-on-bgsave-error`, which is `yes` by default.
    #[must_use]
    pub const fn may_refuse_writes(&self) -> Option<&'static str> {
        if self.has_snapshot_failed {
            Some(
                "Redis could not save a snapshot, and may refuse writes (stop-writes-on-bgsave-error)",
            )
        } else {
            None
        }
    }

    /// The number of connected replicas.
    #[must_use]
    pub const fn replicas(&self) -> usize {
        self.replicas
    }

    /// Whether each change is appended to a file, so that a restart loses the latest second at most.
    #[must_use]
    pub const fn has_append_only_file(&self) -> bool {
        self.has_append_only_file
    }
}

fn parse_version(text: &str) -> Option<Version> {
    let mut numbers = text.split('.').map(str::parse);
    Some(Version(numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: &str, policy: &str) -> RedisInfo {
        RedisInfo::parse(&format!(
            "# Server\r\nredis_version:{version}\r\n# Memory\r\nmaxmemory_policy:{policy}\r\n"
        ))
    }

    #[test]
    fn version_before_6_2_is_too_old() {
        for version in ["5.0.14", "6.0.16", "6.1.240"] {
            assert!(info(version, NO_EVICTION).too_old().is_some(), "{version}");
        }
        for version in ["6.2.0", "6.10.1", "7.0.15", "8.0.0"] {
            assert_eq!(info(version, NO_EVICTION).too_old(), None, "{version}");
        }
    }

    #[test]
    fn policy_other_than_noeviction_evicts() {
        assert_eq!(info("7.0.15", NO_EVICTION).evicts(), None);
        for policy in ["allkeys-lru", "volatile-lru", "volatile-ttl"] {
            assert_eq!(info("7.0.15", policy).evicts(), Some(policy));
        }
    }

    #[test]
    fn missing_field_is_acceptable() {
        for info in ["", "redis_version:unstable\r\n", "no info at all"] {
            let info = RedisInfo::parse(info);
            assert_eq!((info.too_old(), info.evicts()), (None, None));
        }
    }
}
