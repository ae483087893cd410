//! What a Redis says of itself, and whether it is one that can be used.

use std::fmt;

/// The oldest version that is supported, as `major.minor`.
pub const OLDEST_VERSION: Version = Version(6, 2);

/// What keeps everything until it expires. Under any other policy a Redis that is full removes what is still needed.
const NO_EVICTION: &str = "noeviction";

/// A version of Redis: major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The answer to `INFO`, as far as it matters here. What it does not say is no fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisInfo {
    version: Option<Version>,
    eviction_policy: Option<String>,
}

impl RedisInfo {
    /// Reads the answer.
    #[must_use]
    pub fn parse(info: &str) -> Self {
        let field = |name: &str| {
            info.lines()
                .filter_map(|line| line.trim_end().split_once(':'))
                .find_map(|(field, value)| (field == name).then_some(value))
        };
        Self {
            version: field("redis_version").and_then(parse_version),
            eviction_policy: field("maxmemory_policy").map(str::to_owned),
        }
    }

    /// The version, where it is too old.
    #[must_use]
    pub fn too_old(&self) -> Option<Version> {
        self.version.filter(|version| *version < OLDEST_VERSION)
    }

    /// The eviction policy, where it removes what has not expired.
    #[must_use]
    pub fn evicts(&self) -> Option<&str> {
        let policy = self.eviction_policy.as_deref();
        policy.filter(|policy| *policy != NO_EVICTION)
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
    fn what_is_older_than_six_two_is_too_old() {
        for version in ["5.0.14", "6.0.16", "6.1.240"] {
            assert!(info(version, NO_EVICTION).too_old().is_some(), "{version}");
        }
        for version in ["6.2.0", "6.10.1", "7.0.15", "8.0.0"] {
            assert_eq!(info(version, NO_EVICTION).too_old(), None, "{version}");
        }
    }

    #[test]
    fn every_other_policy_evicts() {
        assert_eq!(info("7.0.15", NO_EVICTION).evicts(), None);
        for policy in ["allkeys-lru", "volatile-lru", "volatile-ttl"] {
            assert_eq!(info("7.0.15", policy).evicts(), Some(policy));
        }
    }

    #[test]
    fn what_it_does_not_say_is_no_fault() {
        for info in ["", "redis_version:unstable\r\n", "no info at all"] {
            let info = RedisInfo::parse(info);
            assert_eq!((info.too_old(), info.evicts()), (None, None));
        }
    }
}
