//! `SQLite`: one file, one writer, several readers.

pub mod audit;
mod backup;
mod clients;
mod keys;
mod logins;
mod revocations;
mod row;
mod users;

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use sqlx::{
    Connection as _, Sqlite, SqlitePool, Transaction,
    error::DatabaseError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::domain::ports::StoreError;

const READERS: u32 = 4;
const SQLITE_BUSY: &str = "5";
/// How long a file may be locked at start, by another process that brings it up to date.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
const LOCKED_INTERVAL: Duration = Duration::from_millis(10);

// Together shorter than any caller's deadline: a write that its caller has given up must not happen later.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(500);

/// A database file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    writer: SqlitePool,
}

impl SqliteStore {
    /// Opens the file, makes it if there is none, and brings it up to date.
    ///
    /// # Errors
    /// When it cannot be opened or is from a later version.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        make_private(file).map_err(|why| StoreError::Unavailable(why.to_string()))?;
        let writer = connect_writer(options.clone()).await?;
        migrate(&writer).await?;
        let readers = pool(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self { readers, writer })
    }

    /// Whether the database answers, and can be written: on a full disk one can still read.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM signing_keys LIMIT 1")
            .execute(&self.readers)
            .await?;
        sqlx::query("UPDATE secret_keys SET name = name")
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Lets every connection finish and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// A transaction that takes the write lock at once, so that it cannot fail half way for want of it.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// Makes the file, if there is none, for its owner alone; what `SQLite` puts beside it gets the same mode.
fn make_private(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(file)?;
    Ok(())
}

/// Of two processes that open a new file at once, one finds it locked while the other switches it to WAL, which
/// `SQLite` does not wait for by itself.
async fn connect_writer(options: SqliteConnectOptions) -> Result<SqlitePool, StoreError> {
    let begun = Instant::now();
    loop {
        match pool(1).connect_with(options.clone()).await {
            Ok(writer) => return Ok(writer),
            Err(error) if !is_locked(&error) || begun.elapsed() > OPEN_TIMEOUT => {
                return Err(error.into());
            }
            Err(_) => tokio::time::sleep(LOCKED_INTERVAL).await,
        }
    }
}

fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code == SQLITE_BUSY)
}

/// Under the write lock, so that of two processes that start at once the second finds everything done.
async fn migrate(writer: &SqlitePool) -> Result<(), StoreError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::migrate!("migrations/sqlite")
        .run(&mut *transaction)
        .await
        .map_err(|why| StoreError::Unavailable(why.to_string()))?;
    transaction.commit().await?;
    Ok(())
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // There is no network that could have lost it.
        .test_before_acquire(false)
        // A full disk makes SQLite end a transaction by itself; the connection then waits for that end forever.
        .before_acquire(|connection, _| {
            let is_clean = !connection.is_in_transaction();
            Box::pin(async move { Ok(is_clean) })
        })
        .idle_timeout(None)
        .max_lifetime(None)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use futures_util::future::try_join_all;

    use super::*;

    #[tokio::test]
    async fn what_it_writes_is_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let _store = SqliteStore::open(&directory.path().join("auth.db"))
            .await
            .unwrap();
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn after_a_full_disk_writing_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("auth.db"))
            .await
            .unwrap();
        let fill = async |bytes: i64| {
            let mut transaction = store.begin().await?;
            sqlx::query(
                "INSERT INTO secret_keys (name, sealed, created_at) VALUES ('x', zeroblob(?), 0)",
            )
            .bind(bytes)
            .execute(&mut *transaction)
            .await?;
            transaction.rollback().await?;
            Ok::<_, StoreError>(())
        };
        fill(1).await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1")
            .execute(&store.writer)
            .await
            .unwrap();

        let refused = fill(10_000_000).await.unwrap_err();
        assert!(refused.to_string().contains("full"), "{refused}");

        fill(1).await.unwrap();
        store.ping().await.unwrap();
    }

    #[tokio::test]
    async fn processes_that_open_a_new_file_at_once_all_succeed() {
        for _round in 0..10 {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("auth.db");
            let opened = (0..4).map(|_| SqliteStore::open(&file));
            for store in try_join_all(opened).await.unwrap() {
                store.ping().await.unwrap();
            }
        }
    }
}
