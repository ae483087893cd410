//! Migration of a database to the schema of this version.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

pub use holdfast_store_sql::migration::OpenError;
use holdfast_store_sql::{migrations, unavailable};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, migrate::Migrator};
use tokio::time::sleep;

pub(super) static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    migrations![
        "0001_schema",
        "0002_leases",
        "0003_compatibility",
        "0004_trace_id",
        "0005_second_factors",
        "0006_passkeys",
        "0007_trusted_browsers",
        "0008_discoverable_passkeys",
        "0009_security_events",
        "0010_bound_browsers",
        "0011_relying_parties",
        "0012_backchannel_logout",
        "0013_grants_of_login",
        "0014_grants_by_login",
        "0015_pairwise_subjects",
        "0016_event_streams",
    ]
});

/// The number of the advisory lock of the instance that migrates; the bytes are those of `holdfast`.
const LOCK: i64 = i64::from_be_bytes(*b"holdfast");
/// Time for which an instance waits while another one migrates.
const LOCK_TIMEOUT: Duration = Duration::from_mins(1);
/// Time between two attempts to take the lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(100);

/// A statement that waits for a lock makes all others wait behind it.
const SETTINGS: &str = "SET lock_timeout = '3s'; SET statement_timeout = 0";

/// The indexes that migrations build with `CONCURRENTLY`.
const CONCURRENT_INDEXES: [&str; 2] = ["security_events_by_user", "grants_of_login"];

/// Runs the missing migrations, each in a transaction where that is possible, while no other instance does.
pub(super) async fn migrate(connection: &mut PgConnection) -> Result<(), OpenError> {
    let encoding = sqlx::query_scalar("SELECT current_setting('server_encoding')");
    let encoding: String = encoding.fetch_one(&mut *connection).await?;
    if encoding != "UTF8" {
        let why = format!("the database has the encoding {encoding}; create it with UTF8");
        return Err(OpenError::Store(unavailable(why)));
    }
    connection.execute(SETTINGS).await?;
    lock(connection).await?;
    let migrated = match drop_unfinished_indexes(connection).await {
        Ok(()) => run(connection).await,
        Err(error) => Err(error.into()),
    };
    let unlocked = sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(LOCK)
        .execute(&mut *connection)
        .await;
    migrated?;
    Ok(unlocked.map(drop)?)
}

/// Removes what is left of indexes whose migration was interrupted, which then builds them again.
async fn drop_unfinished_indexes(connection: &mut PgConnection) -> sqlx::Result<()> {
    for index in CONCURRENT_INDEXES {
        let is_unfinished = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid)",
        );
        let is_unfinished = is_unfinished.bind(index).fetch_one(&mut *connection);
        if is_unfinished.await? {
            let drop = format!("DROP INDEX CONCURRENTLY {index}");
            connection.execute(AssertSqlSafe(drop)).await?;
        }
    }
    Ok(())
}

async fn run(connection: &mut PgConnection) -> Result<(), OpenError> {
    let known = MIGRATIONS.iter().map(|one| one.version).max();
    let known = known.unwrap_or_default();
    let later = compatible_later_version(connection, known).await?;
    if let Some(found) = later {
        tracing::info!(
            event = "store.later_schema",
            found,
            known,
            "a later version has migrated the database, with which this version works"
        );
    }
    let migrations = Migrator {
        migrations: MIGRATIONS.migrations.clone(),
        ignore_missing: later.is_some(),
        // The lock of the library blocks, which stops `CREATE INDEX CONCURRENTLY` of the instance that has it.
        locking: false,
        ..Migrator::DEFAULT
    };
    let Err(error) = migrations.run(&mut *connection).await else {
        return Ok(());
    };
    let latest = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations");
    let found: Option<i64> = latest.fetch_one(connection).await.unwrap_or_default();
    Err(OpenError::of(&error, found.unwrap_or_default(), known))
}

/// The version of the schema, if it is later than this one's and says that this version works with it.
async fn compatible_later_version(
    connection: &mut PgConnection,
    known: i64,
) -> Result<Option<i64>, OpenError> {
    let exists = sqlx::query_scalar("SELECT to_regclass('schema_compatibility') IS NOT NULL");
    let exists: bool = exists.fetch_one(&mut *connection).await?;
    if !exists {
        return Ok(None);
    }
    let later = sqlx::query_scalar(
        "SELECT max(version) FROM _sqlx_migrations, schema_compatibility WHERE earliest <= $1 HAVING max(version) > $1",
    );
    Ok(later.bind(known).fetch_optional(connection).await?)
}

async fn lock(connection: &mut PgConnection) -> Result<(), OpenError> {
    let begun = Instant::now();
    loop {
        let has_lock = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK);
        if has_lock.fetch_one(&mut *connection).await? {
            return Ok(());
        }
        if begun.elapsed() > LOCK_TIMEOUT {
            return Err(OpenError::Store(unavailable(
                "another instance has been migrating the database for a minute",
            )));
        }
        sleep(LOCK_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use holdfast_store_sql::migration::file_names;

    use super::*;

    #[test]
    fn every_file_is_a_migration() {
        let files = std::fs::read_dir("migrations").unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let files: BTreeSet<_> = files.collect();
        assert_eq!(files, file_names(&MIGRATIONS).collect());
    }
}
