//! `SQLite`: one file, one writer, several readers.

pub mod audit;
mod backup;
mod clients;
mod group_commit;
mod keys;
mod logins;
pub mod migration;
mod pool;
mod revocations;
mod row;
mod steady_time;
mod users;

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_identity::store::StoreError;
use sqlx::{
    ConnectOptions as _,
    error::DatabaseError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use self::{
    group_commit::{GroupCommitter, Rows, Statement},
    migration::{OpenError, migrate},
    pool::{Connections, PooledConnection},
};

const READERS: usize = 4;
const SQLITE_BUSY: &str = "5";
/// How long a file may be locked at start, by another process that brings it up to date.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
const LOCKED_INTERVAL: Duration = Duration::from_millis(10);

/// How long a write waits while another process writes. Together with the wait for a connection shorter than any caller's deadline:
/// a write that its caller has given up must not happen later.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// A database file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    readers: Arc<Connections>,
    writer: Arc<Connections>,
    commits: GroupCommitter,
}

impl SqliteStore {
    /// Opens the file, makes it if there is none, and brings it up to date.
    ///
    /// # Errors
    /// When it cannot be opened or is from a later version.
    pub async fn open(file: &Path) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            // A slow disk would otherwise write a line for each request.
            .disable_statement_logging();
        make_private(file).map_err(|why| StoreError::Unavailable(why.to_string()))?;
        let writer = connect_writer(options.clone()).await?;
        migrate(&writer).await?;
        let readers = Connections::open(options.read_only(true), READERS).await?;
        let writer = Arc::new(writer);
        Ok(Self {
            readers: Arc::new(readers),
            commits: GroupCommitter::start(Arc::clone(&writer)),
            writer,
        })
    }

    /// Whether the database answers, and can be written: on a full disk one can still read.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM signing_keys LIMIT 1")
            .execute(&mut *self.read().await?)
            .await
            .map_err(unavailable)?;
        let write = sqlx::query("UPDATE secret_keys SET name = name");
        self.commit(write).await.map(drop)
    }

    /// Lets every connection finish and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn read(&self) -> Result<PooledConnection<'_>, StoreError> {
        self.readers.take().await
    }

    /// For transactions of several statements, and for what is seldom written.
    async fn write(&self) -> Result<PooledConnection<'_>, StoreError> {
        self.writer.take().await
    }

    /// For what a sign-in, a refresh or any request may write: one statement, which is committed together with others.
    async fn commit(&self, statement: Statement) -> Result<Rows, StoreError> {
        self.commits.commit(statement).await
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
async fn connect_writer(options: SqliteConnectOptions) -> Result<Connections, StoreError> {
    let begun = Instant::now();
    loop {
        match Connections::open(options.clone(), 1).await {
            Ok(writer) => return Ok(writer),
            Err(error) if !is_locked(&error) || begun.elapsed() > OPEN_TIMEOUT => {
                return Err(unavailable(error));
            }
            Err(_) => tokio::time::sleep(LOCKED_INTERVAL).await,
        }
    }
}

fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code == SQLITE_BUSY)
}

/// A failure of the driver, as the port reports it.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn unavailable(error: impl ToString) -> StoreError {
    StoreError::Unavailable(error.to_string())
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
            let mut writer = store.write().await?;
            let mut transaction = writer.begin().await?;
            sqlx::query(
                "INSERT INTO secret_keys (name, sealed, created_at) VALUES ('x', zeroblob(?), 0)",
            )
            .bind(bytes)
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            transaction.rollback().await.map_err(unavailable)?;
            Ok::<_, StoreError>(())
        };
        fill(1).await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1")
            .execute(&mut *store.write().await.unwrap())
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
