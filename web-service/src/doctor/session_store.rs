//! The Redis of the sessions.

use holdfast_core::clock::Clock;
use holdfast_server_kit::{
    config::RedisTopology,
    doctor::{Check, DEADLINE, Finding, checks::redis as checks, within},
    redis_info::RedisInfo,
};

use crate::{
    config::SessionStoreConfig,
    session::store::inspection::{SessionRedisFacts, connect_timeout, inspect},
};

static PERSISTENCE: Check = Check {
    id: "redis.persistence",
    why: "A Redis without an append-only file and without a replica that takes over loses sessions when it restarts: people sign in again",
};
static REPLICAS: Check = Check {
    id: "redis.replicas",
    why: "With WEB_SESSION_REPLICAS a sign-in fails unless that many replicas have the session",
};
static TRACKING: Check = Check {
    id: "redis.tracking",
    why: "Without CLIENT TRACKING every request with a cookie reads its session from Redis",
};

/// The checks of a Redis that stores sessions, in the order of their findings.
pub(super) static CHECKS: [&Check; 3] = [&PERSISTENCE, &REPLICAS, &TRACKING];

pub(super) async fn check(store: &SessionStoreConfig, clock: &dyn Clock) -> Vec<Finding> {
    let SessionStoreConfig::Redis { url, replicas } = store else {
        return Vec::new();
    };
    let gather = async |findings: &mut Vec<_>| {
        let (common, further) = match inspect(url, clock).await {
            Ok(SessionRedisFacts { common, is_tracked }) => {
                let further = assess(&common.info, &url.topology, *replicas, is_tracked);
                (Ok(common), further)
            }
            Err(why) => (Err(why), Vec::new()),
        };
        findings.extend(checks::assess(url, &common));
        findings.extend(further);
    };
    let deadline = DEADLINE + connect_timeout(url);
    within(deadline, &checks::REACHABLE, gather).await
}

fn assess(
    info: &[RedisInfo],
    topology: &RedisTopology,
    replicas: usize,
    is_tracked: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if info.is_empty() {
        findings.extend(checks::not_known(&PERSISTENCE));
        findings.extend(checks::not_known(&REPLICAS));
    } else {
        let has_failover = matches!(
            topology,
            RedisTopology::Sentinel { .. } | RedisTopology::Cluster(_)
        );
        findings.push(assess_persistence(info, has_failover));
        findings.push(assess_replicas(info, replicas));
    }
    findings.push(assess_tracking(is_tracked));
    findings
}

/// `has_failover`: a replica becomes the master where the master fails. Otherwise a replica copies the master that was restarted empty.
fn assess_persistence(info: &[RedisInfo], has_failover: bool) -> Finding {
    let is_kept =
        |info: &RedisInfo| info.has_append_only_file() || (has_failover && info.replicas() > 0);
    if info.iter().all(is_kept) {
        PERSISTENCE.ok("sessions survive a restart of Redis")
    } else {
        let found = "Redis has neither an append-only file nor a replica that takes over";
        let remedy = "set appendonly to yes, or add a replica with Sentinel or Cluster";
        PERSISTENCE.warning(found, remedy)
    }
}

fn assess_replicas(info: &[RedisInfo], required: usize) -> Finding {
    let found = info
        .iter()
        .map(RedisInfo::replicas)
        .min()
        .unwrap_or_default();
    let text = format!("{found} replicas are connected, and WEB_SESSION_REPLICAS is {required}");
    if found < required {
        REPLICAS.error(text, "start the replicas, or lower WEB_SESSION_REPLICAS")
    } else {
        REPLICAS.ok(text)
    }
}

fn assess_tracking(is_tracked: bool) -> Finding {
    if is_tracked {
        TRACKING.ok("Redis pushes changes of sessions")
    } else {
        let remedy = "permit the user of the URL the command CLIENT TRACKING";
        TRACKING.warning("Redis refuses CLIENT TRACKING", remedy)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_server_kit::{
        config::RedisUrl,
        doctor::Severity::{Error, Ok, Warning},
    };

    use super::*;

    #[test]
    fn sessions_that_a_restart_loses_are_a_warning() {
        let outcome = |info: &str, has_failover| {
            assess_persistence(&[RedisInfo::parse(info)], has_failover).outcome()
        };
        let (fine, lost) = (("redis.persistence", Ok), ("redis.persistence", Warning));
        for (info, has_failover, expected) in [
            ("aof_enabled:1\nconnected_slaves:0", false, fine),
            ("aof_enabled:0\nconnected_slaves:1", true, fine),
            ("aof_enabled:0\nconnected_slaves:1", false, lost),
            ("aof_enabled:0\nconnected_slaves:0", true, lost),
        ] {
            assert_eq!(outcome(info, has_failover), expected, "{info}");
        }
    }

    #[test]
    fn denied_info_leaves_persistence_and_replicas_unknown() {
        let url = RedisUrl::parse("REDIS", "redis://redis").unwrap();
        let findings = assess(&[], &url.topology, 1, true);
        for check in ["redis.persistence", "redis.replicas"] {
            let finding = findings.iter().find(|finding| finding.check == check);
            assert_eq!(finding.unwrap().severity, Warning, "{check}");
        }
    }

    #[test]
    fn fewer_replicas_than_required_are_an_error_and_missing_tracking_a_warning() {
        let info = [RedisInfo::parse("connected_slaves:1")];
        let replicas = |required| assess_replicas(&info, required).outcome();
        assert_eq!(replicas(1), ("redis.replicas", Ok));
        assert_eq!(replicas(2), ("redis.replicas", Error));
        let tracking = |is_tracked| assess_tracking(is_tracked).outcome();
        assert_eq!(tracking(true), ("redis.tracking", Ok));
        assert_eq!(tracking(false), ("redis.tracking", Warning));
    }
}
