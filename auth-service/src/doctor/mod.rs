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
    Check, CommonSettings, Finding,
    checks::{
        files::{self, SecretFile},
        limits, redis as redis_checks, service,
    },
    within_file_deadline,
};

use crate::config::{Database, ServeConfig, Settings};

/// Connections to PostgreSQL that are part of the open files which each service reserves.
#[cfg(feature = "postgres")]
const USUAL_DATABASE_CONNECTIONS: u32 = 16;

/// Runs all checks. Each has a deadline.
pub async fn run(settings: Settings, clock: &dyn Clock) -> Vec<Finding> {
    let (mut secret_files, ops_listen) = (settings.secret_files(), settings.ops_listen().ok());
    let (log, config) = match settings.serve() {
        Ok((log, config)) => (Ok(log), Some(config)),
        Err(problems) => (Err(problems), None),
    };
    let mut own_settings = Vec::new();
    if let Some(config) = &config {
        secret_files.extend(secret_files_of(config));
        own_settings = settings::assess(config);
    }
    let common = CommonSettings {
        secret_files,
        ops_listen,
        log,
        log_setting: "AUTH_LOG",
    };
    let checks = async {
        match &config {
            Some(config) => check(config, clock).await,
            None => Vec::new(),
        }
    };
    Box::pin(common.check(own_settings, checks)).await
}

/// The files with secrets that values of settings name: the database with its log and index, and the keys for connections.
fn secret_files_of(config: &ServeConfig) -> Vec<SecretFile> {
    let mut files = Vec::new();
    match &config.database {
        Database::Sqlite(file) => files.extend(["", "-wal", "-shm"].map(|suffix| {
            let mut name = file.as_os_str().to_owned();
            name.push(suffix);
            SecretFile::new("AUTH_DATABASE_URL", name)
        })),
        #[cfg(feature = "postgres")]
        Database::Postgres { url, .. } => {
            let key = url.key_file();
            files.extend(key.map(|key| SecretFile::new("AUTH_DATABASE_URL", key)));
        }
    }
    files.extend(config.redis.as_ref().and_then(SecretFile::of_redis));
    files
}

async fn check(config: &ServeConfig, clock: &dyn Clock) -> Vec<Finding> {
    let (tls, now) = (config.tls.clone(), clock.now());
    let certificate = within_file_deadline(&certificate::CERTIFICATE, move || {
        certificate::check(tls.as_ref(), now)
    });
    let (database, redis, certificate) = tokio::join!(
        database::check(config, clock),
        redis::check(config.redis.as_ref(), clock),
        certificate,
    );
    let machine = vec![hashing::check(config.hashing), open_files(config)];
    [database, redis, certificate, machine].concat()
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
