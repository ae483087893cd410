//! A database of a PostgreSQL server.

use std::time::Duration;

use holdfast_core::clock::Clock;
use holdfast_server_kit::doctor::{Check, DEADLINE, Finding, checks::clock::assess_clock, within};
use holdfast_store_postgres::inspection::{PostgresFacts, inspect};

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
    findings.extend(durability::assess_server(server));
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
    use holdfast_server_kit::doctor::Severity::{Ok, Warning};

    use super::*;

    #[test]
    fn slow_statement_and_plain_connection_are_warnings() {
        assert_eq!(assess_latency(SLOW).severity, Ok);
        assert_eq!(assess_latency(SLOW * 2).severity, Warning);
        assert_eq!(assess_encryption(true, false).severity, Ok);
        assert_eq!(assess_encryption(false, true).severity, Ok);
        assert_eq!(assess_encryption(false, false).severity, Warning);
    }
}
