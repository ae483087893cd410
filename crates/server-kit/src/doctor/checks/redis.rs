//! The Redis of a service.

use std::time::Duration;

use holdfast_core::clock::ClockReading;

use crate::{
    config::{RedisTopology, RedisUrl},
    doctor::{
        Check, Finding,
        checks::{clock::MAX_SKEW, host::is_this_machine},
        or_ok,
    },
    redis_info::{OLDEST_VERSION, RedisInfo},
};

/// Whether it answers.
pub static REACHABLE: Check = Check {
    id: "redis.reachable",
    why: "Without its Redis, web-service cannot read sessions, and each auth-service counts failed passwords by itself",
};
/// The version.
pub static VERSION: Check = Check {
    id: "redis.version",
    why: "Earlier versions lack commands that the services use",
};
/// Eviction and memory.
pub static EVICTION: Check = Check {
    id: "redis.eviction",
    why: "A Redis that evicts keys when it is full ends sessions and accepts used proofs again; a full one that does not accepts no writes",
};
/// Whether it accepts writes.
pub static WRITES: Check = Check {
    id: "redis.writes",
    why: "A replica, and a Redis that cannot save its data, accept no writes",
};
/// How long commands take.
pub static LATENCY: Check = Check {
    id: "redis.latency",
    why: "A command without an answer within 500 ms counts as an outage",
};
/// Whether the connection is encrypted.
pub static ENCRYPTION: Check = Check {
    id: "redis.encryption",
    why: "The password of Redis and all keys are readable on a connection without TLS",
};
/// The clock of the server.
pub static CLOCK: Check = Check {
    id: "redis.clock",
    why: "Keys expire by the clock of the node that has them: the nodes of a Cluster need the same time; that of one server does not matter",
};

/// The latency from which on a warning is given.
const SLOW: Duration = Duration::from_millis(50);

/// All checks, in the order of their findings.
pub static CHECKS: [&Check; 7] = [
    &REACHABLE,
    &VERSION,
    &EVICTION,
    &WRITES,
    &LATENCY,
    &ENCRYPTION,
    &CLOCK,
];

/// What a Redis answered.
#[derive(Debug)]
pub struct RedisFacts {
    /// `INFO` of each server that was queried; empty where the user lacks the permission.
    pub info: Vec<RedisInfo>,
    /// Duration of `TIME`, permitted or not.
    pub latency: Duration,
    /// The clock of the server, or of each node of a Cluster; empty where the user lacks the permission.
    pub clocks: Vec<ClockReading>,
}

/// Assesses what a Redis answered, or why it did not.
#[must_use]
pub fn assess(url: &RedisUrl, facts: &Result<RedisFacts, String>) -> Vec<Finding> {
    let facts = match facts {
        Ok(facts) => facts,
        Err(why) => {
            let remedy = "start Redis, and check its address, password and certificates";
            return vec![
                REACHABLE.error(format!("Redis cannot be used: {why}"), remedy),
                assess_encryption(url),
            ];
        }
    };
    let mut findings = vec![REACHABLE.ok("Redis answers")];
    findings.extend(assess_version(&facts.info));
    findings.extend(assess_eviction(&facts.info));
    findings.extend(assess_writes(&facts.info));
    findings.extend([assess_latency(facts.latency), assess_encryption(url)]);
    findings.push(assess_clocks(&facts.clocks));
    findings
}

/// What follows from `INFO`, which was denied.
#[must_use]
pub fn not_known(check: &'static Check) -> Vec<Finding> {
    let found = "not known: Redis does not permit INFO";
    vec![check.warning(found, "permit the user of the URL the command INFO")]
}

fn assess_version(info: &[RedisInfo]) -> Vec<Finding> {
    if info.is_empty() {
        return not_known(&VERSION);
    }
    let old = info.iter().filter_map(RedisInfo::too_old);
    let old = old.map(|version| {
        let remedy = format!("upgrade Redis to {OLDEST_VERSION} or later");
        VERSION.error(format!("Redis has the version {version}"), remedy)
    });
    let supported = format!("Redis has the version {OLDEST_VERSION} or a later one");
    or_ok(old.collect(), &VERSION, &supported)
}

fn assess_eviction(info: &[RedisInfo]) -> Vec<Finding> {
    if info.is_empty() {
        return not_known(&EVICTION);
    }
    let evicting = info.iter().filter_map(RedisInfo::evicts).map(|policy| {
        let found = format!("maxmemory-policy is {policy}");
        EVICTION.warning(found, "set maxmemory-policy to noeviction")
    });
    let full = info
        .iter()
        .filter_map(RedisInfo::memory_used)
        .map(|percent| {
            let found = format!("{percent} % of maxmemory are used");
            EVICTION.warning(found, "raise maxmemory")
        });
    or_ok(
        evicting.chain(full).collect(),
        &EVICTION,
        "Redis keeps all keys until they expire",
    )
}

fn assess_writes(info: &[RedisInfo]) -> Vec<Finding> {
    if info.is_empty() {
        return not_known(&WRITES);
    }
    let remedy = "connect to the master, or free the disk of Redis; its log has the cause";
    let refusing = info.iter().filter_map(RedisInfo::refuses_writes);
    let refusing = refusing.map(|why| WRITES.error(why, remedy));
    let uncertain = info.iter().filter_map(RedisInfo::may_refuse_writes);
    let uncertain = uncertain.map(|why| WRITES.warning(why, remedy));
    or_ok(
        refusing.chain(uncertain).collect(),
        &WRITES,
        "Redis accepts writes",
    )
}

fn assess_latency(latency: Duration) -> Finding {
    let found = format!("a command takes {:.1} ms", latency.as_secs_f64() * 1000.0);
    if latency > SLOW {
        LATENCY.warning(
            found,
            "move Redis closer to the service, or reduce its load",
        )
    } else {
        LATENCY.ok(found)
    }
}

fn assess_encryption(url: &RedisUrl) -> Finding {
    if url.tls.is_some() {
        ENCRYPTION.ok("connections to Redis are encrypted")
    } else if is_local(&url.topology) {
        ENCRYPTION.ok("Redis is on this machine")
    } else {
        let found = "connections to Redis are not encrypted";
        ENCRYPTION.warning(found, "use rediss:// unless the network is trusted")
    }
}

/// Services query the clock of one server where they need it. The clocks of nodes are compared with each other.
fn assess_clocks(clocks: &[ClockReading]) -> Finding {
    let differences = clocks.iter().map(ClockReading::difference);
    let Some((least, greatest)) = differences.clone().min().zip(differences.max()) else {
        let remedy = "permit the user of the URL the command TIME";
        return CLOCK.warning("not known: Redis does not permit TIME", remedy);
    };
    if clocks.len() == 1 {
        let seconds = greatest.whole_seconds();
        let found = format!(
            "the clock of Redis differs by {seconds:+} seconds from that of this machine, which does not matter"
        );
        return CLOCK.ok(found);
    }
    let (nodes, seconds) = (clocks.len(), (greatest - least).whole_seconds());
    let found = format!("the clocks of {nodes} nodes differ by {seconds} seconds at most");
    if greatest - least > MAX_SKEW {
        CLOCK.error(found, "synchronize the clocks of all nodes by NTP")
    } else {
        CLOCK.ok(found)
    }
}

/// Whether no connection leaves this machine.
fn is_local(topology: &RedisTopology) -> bool {
    let nodes = match topology {
        RedisTopology::Socket(_) => return true,
        RedisTopology::Server(node) => std::slice::from_ref(node),
        RedisTopology::Sentinel { sentinels, .. } => sentinels,
        RedisTopology::Cluster(nodes) => nodes,
    };
    nodes.iter().all(|node| is_this_machine(&node.host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    /// A reading of a clock that is ahead by some seconds.
    fn reading(ahead: i64) -> ClockReading {
        let own = time::OffsetDateTime::UNIX_EPOCH;
        ClockReading {
            peer: own + time::Duration::seconds(ahead),
            sent_at: own,
            received_at: own,
        }
    }

    fn assessed(url: &str, info: &str, latency_ms: u64) -> Vec<(&'static str, Severity)> {
        let facts = RedisFacts {
            info: vec![RedisInfo::parse(info)],
            latency: Duration::from_millis(latency_ms),
            clocks: vec![reading(0)],
        };
        let findings = assess(&RedisUrl::parse("REDIS", url).unwrap(), &Ok(facts));
        let findings = findings.iter();
        let problems = findings.filter(|finding| finding.severity != Severity::Ok);
        problems.map(Finding::outcome).collect()
    }

    const LOCAL: &str = "redis://127.0.0.1:6379";

    #[test]
    fn healthy_redis_has_no_problem() {
        let info = "redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\nmaxmemory:100\r\nused_memory:50\r\n\
                    role:master\r\nrdb_last_bgsave_status:ok\r\naof_last_write_status:ok\r\n";
        assert_eq!(assessed(LOCAL, info, 1), []);
        assert_eq!(assessed("rediss://redis", info, 1), []);
    }

    #[test]
    fn each_problem_of_a_redis_is_found() {
        use Severity::{Error, Warning};
        for (url, info, latency, problem) in [
            (LOCAL, "redis_version:6.0.16", 1, ("redis.version", Error)),
            (
                LOCAL,
                "maxmemory_policy:allkeys-lru",
                1,
                ("redis.eviction", Warning),
            ),
            (
                LOCAL,
                "maxmemory:100\nused_memory:95",
                1,
                ("redis.eviction", Warning),
            ),
            (LOCAL, "role:slave", 1, ("redis.writes", Error)),
            (
                LOCAL,
                "rdb_last_bgsave_status:err",
                1,
                ("redis.writes", Warning),
            ),
            (
                LOCAL,
                "aof_last_write_status:err",
                1,
                ("redis.writes", Error),
            ),
            (LOCAL, "", 51, ("redis.latency", Warning)),
            ("redis://redis", "", 1, ("redis.encryption", Warning)),
        ] {
            assert_eq!(assessed(url, info, latency), [problem], "{info}");
        }
    }

    #[test]
    fn redis_without_an_answer_is_an_error() {
        let url = RedisUrl::parse("REDIS", LOCAL).unwrap();
        let findings = assess(&url, &Err("connection refused".to_owned()));
        assert_eq!(findings[0].outcome(), ("redis.reachable", Severity::Error));
    }

    #[test]
    fn permissions_that_are_missing_leave_the_state_unknown() {
        let facts = RedisFacts {
            info: Vec::new(),
            latency: Duration::ZERO,
            clocks: Vec::new(),
        };
        let findings = assess(&RedisUrl::parse("REDIS", LOCAL).unwrap(), &Ok(facts));
        let unknown = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Warning);
        let unknown: Vec<_> = unknown
            .inspect(|finding| assert!(finding.found.starts_with("not known"), "{finding:?}"))
            .map(|finding| finding.check)
            .collect();
        let expected = [
            "redis.version",
            "redis.eviction",
            "redis.writes",
            "redis.clock",
        ];
        assert_eq!(unknown, expected);
    }

    #[test]
    fn clocks_of_nodes_must_agree_and_that_of_one_server_does_not_matter() {
        let outcome = |ahead: &[i64]| {
            let clocks: Vec<_> = ahead.iter().copied().map(reading).collect();
            assess_clocks(&clocks).outcome()
        };
        for ahead in [&[0][..], &[3600], &[3600, 3601, 3630]] {
            assert_eq!(outcome(ahead), ("redis.clock", Severity::Ok));
        }
        assert_eq!(outcome(&[-16, 0, 15]), ("redis.clock", Severity::Error));
    }
}
