//! Migration of a database to the schema of this version.

use std::time::{Duration, Instant};

pub use holdfast_store_sql::migration::OpenError;
use holdfast_store_sql::unavailable;
use sqlx::{Executor as _, PgConnection, migrate::Migrator};
use tokio::time::sleep;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The number of the advisory lock of the instance that migrates; the bytes are those of `holdfast`.
const LOCK: i64 = i64::from_be_bytes(*b"holdfast");
/// Time for which an instance waits while another one migrates.
const LOCK_TIMEOUT: Duration = Duration::from_mins(1);
/// Time between two attempts to take the lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(100);

/// A statement that waits for a lock makes all others wait behind it.
const SETTINGS: &str = "SET lock_timeout = '3s'; SET statement_timeout = 0";

/// Runs the missing migrations, each in a transaction, while no other instance does.
pub(super) async fn migrate(connection: &mut PgConnection) -> Result<(), OpenError> {
    let encoding = sqlx::query_scalar("SELECT current_setting('server_encoding')");
    let encoding: String = encoding.fetch_one(&mut *connection).await?;
    if encoding != "UTF8" {
        let why = format!("the database has the encoding {encoding}; create it with UTF8");
        return Err(OpenError::Store(unavailable(why)));
    }
    connection.execute(SETTINGS).await?;
    lock(connection).await?;
    let migrations = Migrator {
        migrations: MIGRATIONS.migrations.clone(),
        // The lock of the library blocks, which stops `CREATE INDEX CONCURRENTLY` of the instance that has it.
        locking: false,
        ..Migrator::DEFAULT
    };
    let migrated = migrations.run(&mut *connection).await;
    let unlocked = sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(LOCK)
        .execute(&mut *connection)
        .await;
    match migrated {
        Ok(()) => Ok(unlocked.map(drop)?),
        Err(error) => {
            let latest = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations");
            let found: Option<i64> = latest.fetch_one(connection).await.unwrap_or_default();
            let known = MIGRATIONS.iter().map(|one| one.version).max();
            Err(OpenError::of(
                &error,
                found.unwrap_or_default(),
                known.unwrap_or_default(),
            ))
        }
    }
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
