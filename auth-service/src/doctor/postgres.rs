//! A database of a PostgreSQL server.

use std::time::Duration;

use holdfast_core::clock::Clock;
use holdfast_server_kit::doctor::{
    Check, DEADLINE, Finding, checks::clock::assess_clock, or_ok, within,
};
use holdfast_store_postgres::inspection::{PostgresFacts, ServerFacts, inspect};

use super::{database::REACHABLE, durability, keys, schema};
use crate::config::{PostgresUrl, ServeConfig};

pub(super) static LATENCY: Check = Check {
    id: "database.latency",
    why: "Each sign-in and refresh waits for several statements; one that takes longer than a second fails",
};
pub(super) static ENCRYPTION: Check = Check {
    id: "database.encryption",
    why: "Names, password hashes and the end of each login are readable on a connection to PostgreSQL without TLS",
};
pub(super) static CLOCK: Check = Check {
    id: "database.clock",
    why: "Leases of the tasks of one instance end by the clock of the PostgreSQL server",
};

/// The duration of a statement from which on a warning is given.
const SLOW: Duration = Duration::from_millis(50);

pub(super) async fn check(
    url: &PostgresUrl,
    config: &ServeConfig,
    clock: &dyn Clock,
) -> Vec<Finding> {
    let findings = async {
        match inspect(url.expose(), clock).await {
            Ok(facts) => assess(&facts, config, clock),
            Err(error) => {
                let remedy = "start the server, and check the address, the user and pg_hba.conf";
                vec![REACHABLE.error(format!("the database cannot be used: {error}"), remedy)]
            }
        }
    };
    within(DEADLINE, &REACHABLE, findings).await
}

fn assess(facts: &PostgresFacts, config: &ServeConfig, clock: &dyn Clock) -> Vec<Finding> {
    let server = &facts.server;
    let (shown, own) = facts.clock;
    let mut findings = vec![
        REACHABLE.ok(format!("PostgreSQL {} answers", server.version)),
        schema::assess(facts.schema),
    ];
    findings.extend(assess_durability(server));
    findings.extend([
        assess_latency(facts.latency),
        assess_encryption(server.is_encrypted, server.is_local),
        assess_clock(&CLOCK, "the database server", shown, own),
    ]);
    findings.extend(keys::assess(
        facts.schema,
        facts.keys.as_ref(),
        config,
        clock.now(),
    ));
    findings
}

fn assess_durability(server: &ServerFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !server.is_writable {
        findings.push(durability::DURABILITY.error(
            "the server takes no writes: it is a standby, or read-only",
            "connect to the primary; several hosts and a proxy are described in deploy/ha",
        ));
    }
    if !server.fsync {
        findings.push(durability::DURABILITY.error(
            "fsync is off: a crash of the machine can destroy the database",
            "set fsync = on",
        ));
    }
    if !server.full_page_writes {
        findings.push(durability::DURABILITY.warning(
            "full_page_writes is off: a crash can leave pages that were written in part",
            "set full_page_writes = on, unless the file system writes pages atomically",
        ));
    }
    let is_local = server.synchronous_commit == "local";
    if server.standbys > 0 && (is_local || !server.has_synchronous_standbys) {
        findings.push(durability::DURABILITY.warning(
            "commits do not wait for a standby: a failover may lose the latest ends of logins",
            "set synchronous_standby_names, and synchronous_commit = on",
        ));
    }
    or_ok(
        findings,
        &durability::DURABILITY,
        "commits are flushed, and wait for the standby if there is one",
    )
}

fn assess_latency(latency: Duration) -> Finding {
    let found = format!("a statement takes {:.1} ms", latency.as_secs_f64() * 1000.0);
    if latency > SLOW {
        LATENCY.warning(
            found,
            "move the server closer to the service, or reduce its load",
        )
    } else {
        LATENCY.ok(found)
    }
}

fn assess_encryption(is_encrypted: bool, is_local: bool) -> Finding {
    match (is_encrypted, is_local) {
        (true, _) => ENCRYPTION.ok("the connection to the database is encrypted"),
        (false, true) => ENCRYPTION.ok("the connection to the database does not leave this machine"),
        (false, false) => ENCRYPTION.warning(
            "the connection to the database is not encrypted",
            "add sslmode=verify-full and sslrootcert to AUTH_DATABASE_URL unless the network is trusted",
        ),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_server_kit::doctor::Severity::{self, Error, Ok, Warning};

    use super::*;

    #[test]
    fn slow_statement_and_plain_connection_are_warnings() {
        assert_eq!(assess_latency(SLOW).severity, Ok);
        assert_eq!(assess_latency(SLOW * 2).severity, Warning);
        assert_eq!(assess_encryption(true, false).severity, Ok);
        assert_eq!(assess_encryption(false, true).severity, Ok);
        assert_eq!(assess_encryption(false, false).severity, Warning);
    }

    /// The severity for a server that differs from a durable one.
    fn severity(change: impl FnOnce(&mut ServerFacts)) -> Severity {
        let mut server = ServerFacts {
            version: "15.8".to_owned(),
            is_writable: true,
            fsync: true,
            full_page_writes: true,
            synchronous_commit: "on".to_owned(),
            has_synchronous_standbys: true,
            standbys: 1,
            is_encrypted: true,
            is_local: false,
        };
        change(&mut server);
        assess_durability(&server)[0].severity
    }

    #[test]
    fn each_danger_to_the_commits_of_a_server_is_found() {
        assert_eq!(severity(|_| {}), Ok);
        assert_eq!(severity(|server| server.is_writable = false), Error);
        assert_eq!(severity(|server| server.fsync = false), Error);
        assert_eq!(severity(|server| server.full_page_writes = false), Warning);
        assert_eq!(
            severity(|server| server.has_synchronous_standbys = false),
            Warning
        );
        assert_eq!(
            severity(|server| server.synchronous_commit = "local".to_owned()),
            Warning
        );
        // This store replaces it.
        assert_eq!(
            severity(|server| server.synchronous_commit = "off".to_owned()),
            Ok
        );
        let alone = |server: &mut ServerFacts| {
            (server.standbys, server.has_synchronous_standbys) = (0, false);
        };
        assert_eq!(severity(alone), Ok);
    }
}
