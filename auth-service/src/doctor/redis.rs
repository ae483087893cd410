//! The Redis that instances share.

use holdfast_core::clock::Clock;
use holdfast_server_kit::{
    config::RedisUrl,
    doctor::{DEADLINE, Finding, checks::redis as checks, within},
};

use crate::storage::redis::inspect;

pub(super) async fn check(url: Option<&RedisUrl>, clock: &dyn Clock) -> Vec<Finding> {
    let Some(url) = url else {
        return vec![
            checks::REACHABLE.ok("there is none; counters are in the memory of the service"),
        ];
    };
    let gather = async |findings: &mut Vec<_>| {
        findings.extend(checks::assess(url, &inspect(url, clock).await));
    };
    within(DEADLINE, &checks::REACHABLE, gather).await
}
