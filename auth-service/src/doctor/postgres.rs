//! A database of a PostgreSQL server.

use std::time::Duration;

use holdfast_core::clock::Clock;
use holdfast_identity::store::StoreError;
use holdfast_server_kit::doctor::{
    Check, DEADLINE, Finding,
    checks::{clock::assess_clock, host::is_this_machine},
    or_ok, within,
};
use holdfast_store_postgres::inspection::{
    FirstHop, PostgresFacts, SchemaState, ServerFacts, inspect,
};

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
    let gather = async |findings: &mut Vec<_>| match inspect(url.expose(), clock).await {
        Ok(facts) => findings.extend(assess(&facts, config, clock)),
        Err(error) => findings.push(unusable(&error)),
    };
    within(DEADLINE, &REACHABLE, gather).await
}

fn unusable(error: &impl std::fmt::Display) -> Finding {
    let remedy = "start the server, and check the address, the user and pg_hba.conf";
    REACHABLE.error(format!("the database cannot be used: {error}"), remedy)
}

fn assess(facts: &PostgresFacts, config: &ServeConfig, clock: &dyn Clock) -> Vec<Finding> {
    let server = &facts.server;
    let mut findings = vec![
        REACHABLE.ok(format!("PostgreSQL {} answers", server.version)),
        assess_schema(&facts.schema),
    ];
    findings.extend(assess_durability(server));
    findings.extend([
        assess_latency(facts.latency),
        assess_encryption(&facts.first_hop, server),
        assess_clock(&CLOCK, "the database server", facts.clock),
    ]);
    if let Ok(schema) = facts.schema {
        let keys = facts.keys.as_ref();
        findings.extend(keys::assess(schema, keys, config, clock.now()));
    }
    findings
}

fn assess_schema(schema: &Result<SchemaState, StoreError>) -> Finding {
    match schema {
        Ok(state) => schema::assess(*state),
        Err(error) => schema::SCHEMA.error(
            format!("the schema cannot be read: {error}"),
            "let the user of AUTH_DATABASE_URL own the database and its tables",
        ),
    }
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

/// The first hop is the one that this service protects. Behind a pooler, the server sees another one, which is part of the text only.
fn assess_encryption(first_hop: &FirstHop, server: &ServerFacts) -> Finding {
    let last_hop = match (server.is_encrypted, server.is_local) {
        (true, _) => "an encrypted connection",
        (false, true) => "a connection on its own machine",
        (false, false) => "a connection that is not encrypted",
    };
    let is_local = first_hop.host.as_deref().is_none_or(is_this_machine);
    let found = match (first_hop.requires_tls, is_local) {
        (true, _) => "the URL requires an encrypted connection",
        (false, true) => "the connection to the database does not leave this machine",
        (false, false) => "the URL permits a connection that is not encrypted",
    };
    let found = format!("{found}; the server sees {last_hop}");
    if first_hop.requires_tls || is_local {
        ENCRYPTION.ok(found)
    } else {
        let remedy = "add sslmode=verify-full and sslrootcert to AUTH_DATABASE_URL unless the network is trusted";
        ENCRYPTION.warning(found, remedy)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_server_kit::doctor::Severity::{self, Error, Ok, Warning};

    use super::*;

    #[test]
    fn unusable_database_is_an_error() {
        let finding = unusable(&"connection refused");
        assert_eq!(finding.outcome(), ("database.reachable", Error));
    }

    #[test]
    fn schema_without_permission_is_an_error() {
        let denied = StoreError::Unavailable("permission denied".to_owned());
        assert_eq!(assess_schema(&Err(denied)).severity, Error);
        assert_eq!(
            assess_schema(&Result::Ok(SchemaState::Current(1))).severity,
            Ok
        );
    }

    #[test]
    fn slow_statement_is_a_warning() {
        let outcome = |latency| assess_latency(latency).outcome();
        assert_eq!(outcome(SLOW), ("database.latency", Ok));
        assert_eq!(outcome(SLOW * 2), ("database.latency", Warning));
    }

    #[test]
    fn plain_first_hop_to_another_machine_is_a_warning_whatever_the_server_sees() {
        let outcome = |host: Option<&str>, requires_tls, is_encrypted| {
            let first_hop = FirstHop {
                host: host.map(str::to_owned),
                requires_tls,
            };
            let server = ServerFacts {
                is_encrypted,
                ..durable()
            };
            assess_encryption(&first_hop, &server).outcome()
        };
        let pooler = Some("pooler.example");
        for is_encrypted in [false, true] {
            for (host, requires_tls) in [(pooler, true), (Some("127.0.0.1"), false), (None, false)]
            {
                let outcome = outcome(host, requires_tls, is_encrypted);
                assert_eq!(outcome, ("database.encryption", Ok), "{host:?}");
            }
            let plain = outcome(pooler, false, is_encrypted);
            assert_eq!(plain, ("database.encryption", Warning));
        }
    }

    #[test]
    fn clock_of_the_server_that_differs_is_an_error() {
        let now = time::OffsetDateTime::UNIX_EPOCH;
        let reading = holdfast_core::clock::ClockReading {
            peer: now + time::Duration::minutes(1),
            sent_at: now,
            received_at: now,
        };
        let finding = assess_clock(&CLOCK, "the database server", reading);
        assert_eq!(finding.outcome(), ("database.clock", Error));
    }

    fn durable() -> ServerFacts {
        ServerFacts {
            version: "15.8".to_owned(),
            is_writable: true,
            fsync: true,
            full_page_writes: true,
            synchronous_commit: "on".to_owned(),
            has_synchronous_standbys: true,
            standbys: 1,
            is_encrypted: true,
            is_local: false,
        }
    }

    /// The severity for a server that differs from a durable one.
    fn severity(change: impl FnOnce(&mut ServerFacts)) -> Severity {
        let mut server = durable();
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
