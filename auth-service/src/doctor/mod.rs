//! The checks of `auth-service doctor`. They read, and change nothing (ADR 43).

mod certificate;
mod database;
mod durability;
mod hashing;
mod keys;
#[cfg(feature = "postgres")]
mod postgres;
mod redis;
mod schema;
mod settings;
mod sqlite;

use holdfast_core::clock::Clock;
use holdfast_server_kit::doctor::{
    Check, Finding,
    checks::{files, limits, redis as redis_checks, service},
};

use crate::config::{Database, ServeConfig, Settings};

/// Connections to PostgreSQL that are part of the open files which each service reserves.
#[cfg(feature = "postgres")]
const USUAL_DATABASE_CONNECTIONS: u32 = 16;

/// Runs all checks. Each has a deadline.
pub async fn run(settings: Settings, clock: &dyn Clock) -> Vec<Finding> {
    let mut secret_files = settings.secret_files();
    let ops = settings.ops_listen();
    let (log, config) = match settings.serve() {
        Ok(configured) => configured,
        Err(problems) => {
            let settings = vec![service::assess_settings(&problems)];
            return [settings, files::check_permissions(&secret_files)].concat();
        }
    };
    if let Some(file) = config.database.file() {
        secret_files.push(files::SecretFile::new("AUTH_DATABASE_URL", file));
    }
    let settings = [
        vec![service::VALID.ok("the service can use its settings")],
        settings::assess(&config),
        vec![service::assess_log(&log, "AUTH_LOG")],
        files::check_permissions(&secret_files),
    ];
    let readiness = async {
        match ops {
            Ok(ops) => service::check_readiness(ops).await,
            Err(_) => Vec::new(),
        }
    };
    let (database, redis, readiness) = tokio::join!(
        database::check(&config, clock),
        redis::check(config.redis.as_ref(), clock),
        readiness,
    );
    let machine = [
        certificate::check(config.tls.as_ref(), clock.now()),
        vec![hashing::check(config.hashing), open_files(&config)],
    ];
    let mut findings = settings.concat();
    findings.extend([database, redis].concat());
    findings.extend(machine.concat());
    findings.extend(readiness);
    findings
}

fn open_files(config: &ServeConfig) -> Finding {
    let further = match &config.database {
        Database::Sqlite(_) => 0,
        #[cfg(feature = "postgres")]
        Database::Postgres {
            max_connections, ..
        } => max_connections.saturating_sub(USUAL_DATABASE_CONNECTIONS),
    };
    let further = usize::try_from(further).unwrap_or(usize::MAX);
    limits::check_files(config.max_connections, further, "AUTH_MAX_CONNECTIONS")
}

/// Every check, in the order of the findings.
#[must_use]
pub fn checks() -> Vec<&'static Check> {
    let mut checks = vec![&service::VALID];
    checks.extend(settings::CHECKS);
    checks.extend([&service::LOG, &files::PERMISSIONS]);
    checks.extend(database::CHECKS);
    checks.extend(redis_checks::CHECKS);
    checks.extend([
        &certificate::CERTIFICATE,
        &hashing::MEMORY,
        &limits::FILES,
        &service::READY,
    ]);
    checks
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_server_kit::doctor::verify_table;

    use super::*;

    #[test]
    fn operations_document_lists_the_checks() {
        let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/OPERATIONS.md");
        let verified = verify_table(Path::new(document), "auth-service", &checks());
        assert_eq!(verified, Ok(()));
    }
}
