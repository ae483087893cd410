//! The store on `SQLite`: one file, with one connection that writes and several that read.

mod audit;
mod backup;
mod clients;
mod commit_pacer;
mod consents;
mod credentials;
mod grants;
mod group_commit;
pub mod inspection;
mod keys;
mod leases;
mod logins;
mod logout_deliveries;
mod maintenance;
mod metrics;
pub mod migration;
mod passkeys;
#[cfg(test)]
mod plan;
mod pool;
mod query;
mod revocations;
mod sign_in;
mod signals;
mod steady_time;
mod trusted_browsers;
mod users;

pub use self::metrics::register as register_metrics;

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_identity::{audit::AuditEvent, store::StoreError};
use holdfast_store_sql::unavailable;
use sqlx::{
    ConnectOptions as _,
    error::DatabaseError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use self::{
    group_commit::{GroupCommitter, Rows, Write},
    metrics::PoolKind,
    migration::{OpenError, migrate},
    pool::{Pool, PooledConnection},
};

/// Number of connections that read.
const READERS: usize = 4;
/// Result code of a database that is locked (`SQLITE_BUSY`).
const SQLITE_BUSY: &str = "5";
/// Time for which opening a file is repeated while another process has locked it, for example to migrate it.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two attempts to open it.
const OPEN_RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// Time for which a write waits while another process writes. Together with the wait for a connection it is shorter than any caller's
/// deadline, so that no write takes place after its caller has given up.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// A database file. Clones share its connections.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    readers: Arc<Pool>,
    writer: Arc<Pool>,
    commits: GroupCommitter,
}

impl SqliteStore {
    /// Opens the file, creates it if there is none, and migrates it.
    ///
    /// # Errors
    /// When it cannot be opened, or was written by a later version.
    pub async fn open(file: &Path) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            // The driver logs slow statements, with a slow disk one line for each request.
            .disable_statement_logging();
        create_private(file).map_err(|why| StoreError::Unavailable(why.to_string()))?;
        let writer = connect_writer(options.clone()).await?;
        migrate(&writer).await?;
        let readers = Pool::open(options.read_only(true), PoolKind::Read, READERS).await?;
        let writer = Arc::new(writer);
        Ok(Self {
            readers: Arc::new(readers),
            commits: GroupCommitter::start(Arc::clone(&writer)),
            writer,
        })
    }

    /// A connection for reading.
    async fn read(&self) -> Result<PooledConnection<'_>, StoreError> {
        self.readers.acquire().await
    }

    /// The connection for writing, for transactions of several statements and for rare writes.
    async fn write(&self) -> Result<PooledConnection<'_>, StoreError> {
        self.writer.acquire().await
    }

    /// Runs the statements of a frequent operation, such as a sign-in or a refresh, and commits them together with others.
    async fn commit(&self, write: impl Into<Write>) -> Result<Rows, StoreError> {
        self.commits.commit(write.into()).await
    }

    /// Commits a change of one row with its events; false if `change`, which returns the row, changed none.
    async fn change(
        &self,
        change: impl Into<Write>,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let write = change.into().with_events(events);
        Ok(self.commit(write).await?.len() == 1)
    }
}

/// Creates the file, if there is none, with mode 0600, which `SQLite` also gives to the files beside it.
fn create_private(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(file)?;
    Ok(())
}

/// Opens the connection for writing, and repeats that while the file is locked: `SQLite` does not wait while another process switches a
/// new file to WAL.
async fn connect_writer(options: SqliteConnectOptions) -> Result<Pool, StoreError> {
    let begun = Instant::now();
    loop {
        match Pool::open(options.clone(), PoolKind::Write, 1).await {
            Ok(writer) => return Ok(writer),
            Err(error) if !is_locked(&error) || begun.elapsed() > OPEN_TIMEOUT => {
                return Err(unavailable(error));
            }
            Err(_) => tokio::time::sleep(OPEN_RETRY_INTERVAL).await,
        }
    }
}

fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code == SQLITE_BUSY)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use futures_util::future::try_join_all;
    use holdfast_identity::store::Maintenance as _;

    use super::*;
    use crate::query::RunQuery as _;

    #[tokio::test]
    async fn database_files_are_readable_by_their_owner_only() {
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
    async fn full_disk_rejects_a_write_and_later_writes_succeed() {
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
            .run(&mut transaction)
            .await?;
            transaction.rollback().await.map_err(unavailable)?;
            Ok::<_, StoreError>(())
        };
        fill(1).await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1")
            .execute(&mut *store.write().await.unwrap())
            .await
            .unwrap();

        let error = fill(10_000_000).await.unwrap_err();
        assert!(error.to_string().contains("full"), "{error}");

        fill(1).await.unwrap();
        store.ping().await.unwrap();
    }

    #[tokio::test]
    async fn new_file_opened_concurrently_is_created_once() {
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
