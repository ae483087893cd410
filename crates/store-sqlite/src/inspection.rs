//! Inspection of a database file, which changes nothing.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use holdfast_identity::store::StoreError;
pub use holdfast_store_sql::inspection::{SchemaState, StoredKeys};
use holdfast_store_sql::{
    SqlRow as _,
    inspection::{APPLIED_MIGRATIONS, SECRET_KEYS, SIGNING_KEYS, applied_migration, secret_key},
    key::signing_key,
};
use sqlx::{ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::task::spawn_blocking;

use crate::{BUSY_TIMEOUT, migration::MIGRATIONS, query::RunQuery as _};

/// Position in the header of a file at which the version is that it is written with, and the version of the write-ahead log
/// (<https://www.sqlite.org/fileformat.html>).
const WRITE_VERSION: usize = 18;
const WRITE_AHEAD: u8 = 2;

/// Primary result codes of a damaged file, and of one that is no database.
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_NOTADB: i32 = 26;

/// What a database file contains.
#[derive(Debug)]
pub struct SqliteFacts {
    /// Whether commits are written to a write-ahead log, as this store does.
    pub is_write_ahead: bool,
    /// Its schema.
    pub schema: SchemaState,
    /// Its keys.
    pub keys: Result<StoredKeys, StoreError>,
}

/// Why a file was not inspected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectionError {
    /// It is damaged, or no database (`SQLITE_CORRUPT`, `SQLITE_NOTADB`).
    #[error("{0}")]
    Damaged(String),
    /// It cannot be read: a permission is missing, another process has it locked, or the disk fails.
    #[error("{0}")]
    Unreadable(String),
    /// A process has changed it while it was read.
    #[error("the file changed while it was read")]
    Changed,
}

impl From<sqlx::Error> for InspectionError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        // The lowest byte of an extended code is the primary one (<https://www.sqlite.org/rescode.html>).
        let primary = code.and_then(|code| Some(code.parse::<i32>().ok()? & 0xff));
        if matches!(primary, Some(SQLITE_CORRUPT | SQLITE_NOTADB)) {
            Self::Damaged(error.to_string())
        } else {
            Self::Unreadable(error.to_string())
        }
    }
}

impl From<StoreError> for InspectionError {
    fn from(error: StoreError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<io::Error> for InspectionError {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// Reads a file that exists. A service may use it at the same time.
///
/// # Errors
/// When it cannot be read, or is no database.
pub async fn inspect(file: &Path) -> Result<SqliteFacts, InspectionError> {
    let path = file.to_owned();
    let is_write_ahead = blocking(move || is_write_ahead(&path)).await?;
    let (schema, keys) = read(file, async |connection| {
        let schema = schema(connection).await?;
        Ok((schema, keys(connection).await))
    })
    .await?;
    Ok(SqliteFacts {
        is_write_ahead,
        schema,
        keys,
    })
}

/// The first damage that `PRAGMA quick_check` finds in a file, if there is any. Reads the whole file.
///
/// # Errors
/// When it cannot be read. [`InspectionError::Damaged`] where it is damaged so much that it is no database.
pub async fn find_damage(file: &Path) -> Result<Option<String>, InspectionError> {
    read(file, async |connection| {
        let check = sqlx::query("PRAGMA quick_check(1)");
        let row = check.fetch_one(connection).await?;
        let result = row.text("quick_check")?;
        Ok((result != "ok").then(|| result.to_owned()))
    })
    .await
}

/// Reads a file. Where no process has it open, it is opened as immutable, so that no log is created; a service that starts meanwhile may
/// write to it, and then what was read counts for nothing and the file is read again, with the log that exists then.
async fn read<T>(
    file: &Path,
    operation: impl AsyncFn(&mut SqliteConnection) -> Result<T, InspectionError>,
) -> Result<T, InspectionError> {
    for _ in 0..2 {
        let before = State::of(file).await?;
        let result = async {
            let mut connection = open(file, !before.has_log).await?;
            operation(&mut connection).await
        };
        let result = result.await;
        if before.has_log || State::of(file).await? == before {
            return result;
        }
    }
    Err(InspectionError::Changed)
}

/// What changes where another process opens a file, or writes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    has_log: bool,
    modified_at: SystemTime,
    length: u64,
}

impl State {
    async fn of(file: &Path) -> io::Result<Self> {
        let (file, log) = (file.to_owned(), log_file(file));
        blocking(move || {
            let metadata = fs::metadata(file)?;
            Ok(Self {
                has_log: log.try_exists()?,
                modified_at: metadata.modified()?,
                length: metadata.len(),
            })
        })
        .await
    }
}

/// On a thread of its own: a file system that does not answer suspends the thread.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(read).await?
}

async fn schema(connection: &mut SqliteConnection) -> Result<SchemaState, InspectionError> {
    let table = sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'");
    let has_migrations = table.fetch_optional(&mut *connection).await?.is_some();
    let mut applied = Vec::new();
    if has_migrations {
        let rows = sqlx::query(APPLIED_MIGRATIONS)
            .fetch_all(connection)
            .await?;
        for row in &rows {
            applied.push(applied_migration(row)?);
        }
    }
    Ok(SchemaState::of(&applied, &MIGRATIONS, None))
}

async fn keys(connection: &mut SqliteConnection) -> Result<StoredKeys, StoreError> {
    let signing = sqlx::query(SIGNING_KEYS).rows(connection).await?;
    let secret = sqlx::query(SECRET_KEYS).rows(connection).await?;
    Ok(StoredKeys {
        signing: signing.iter().map(signing_key).collect::<Result<_, _>>()?,
        secret: secret.iter().map(secret_key).collect::<Result<_, _>>()?,
    })
}

/// A connection that creates no files, where it is immutable if there is no log: a reader would create one.
async fn open(file: &Path, immutable: bool) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .immutable(immutable)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    options.connect().await
}

fn log_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn is_write_ahead(file: &Path) -> io::Result<bool> {
    let mut header = [0; WRITE_VERSION + 1];
    let read = File::open(file)?.read_exact(&mut header);
    match read {
        Ok(()) => Ok(header[WRITE_VERSION] == WRITE_AHEAD),
        // An empty file, which the first start fills.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use holdfast_identity::store::Maintenance as _;
    use sqlx::Connection as _;
    use tokio::sync::Mutex;

    use super::*;
    use crate::SqliteStore;

    fn names(directory: &Path) -> Vec<String> {
        let files = fs::read_dir(directory).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[tokio::test]
    async fn inspection_of_a_closed_or_open_database_changes_no_files() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("auth.db");
        let store = SqliteStore::open(&file).await.unwrap();
        let facts = inspect(&file).await.unwrap();
        assert!(facts.is_write_ahead);
        assert!(matches!(facts.schema, SchemaState::Current(_)));
        assert!(facts.keys.unwrap().signing.is_empty());
        store.close().await;
        let before = names(directory.path());
        inspect(&file).await.unwrap();
        assert_eq!(find_damage(&file).await.unwrap(), None);
        assert_eq!(names(directory.path()), before);
    }

    #[tokio::test]
    async fn empty_file_has_no_schema_and_no_log() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("auth.db");
        fs::write(&file, "").unwrap();
        let facts = inspect(&file).await.unwrap();
        assert_eq!(facts.schema, SchemaState::Missing);
        assert!(!facts.is_write_ahead && facts.keys.is_err());
    }

    #[tokio::test]
    async fn damage_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("auth.db");
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        let rows = "CREATE TABLE t (x); INSERT INTO t \
                    WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 9999) SELECT x FROM n";
        sqlx::raw_sql(rows).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle - 4096..middle].fill(0xff);
        fs::write(&file, bytes).unwrap();
        let damage = find_damage(&file).await;
        assert!(
            matches!(damage, Ok(Some(_)) | Err(InspectionError::Damaged(_))),
            "{damage:?}"
        );
        fs::write(&file, [0x20; 4096]).unwrap();
        let damage = find_damage(&file).await;
        assert!(
            matches!(damage, Err(InspectionError::Damaged(_))),
            "{damage:?}"
        );
    }

    #[tokio::test]
    async fn file_that_cannot_be_opened_is_not_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let missing = find_damage(&directory.path().join("auth.db")).await;
        let is_directory = find_damage(directory.path()).await;
        for error in [missing, is_directory] {
            assert!(
                matches!(error, Err(InspectionError::Unreadable(_))),
                "{error:?}"
            );
        }
    }

    #[tokio::test]
    async fn locked_file_is_not_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("auth.db");
        let store = SqliteStore::open(&file).await.unwrap();
        store.close().await;
        let busy = InspectionError::from(locked(&file).await);
        assert!(matches!(busy, InspectionError::Unreadable(_)), "{busy:?}");
    }

    /// The error of a reader while another connection has the file locked.
    async fn locked(file: &Path) -> sqlx::Error {
        let options = SqliteConnectOptions::new().filename(file);
        let mut other = options.connect().await.unwrap();
        let lock = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE";
        sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
        let options = options.read_only(true).busy_timeout(Duration::ZERO);
        match options.connect().await {
            Ok(mut reader) => {
                let query = sqlx::query("SELECT count(*) FROM sqlite_schema");
                query.fetch_one(&mut reader).await.unwrap_err()
            }
            Err(error) => error,
        }
    }

    #[tokio::test]
    async fn file_that_a_service_opens_meanwhile_is_read_again_with_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("auth.db");
        SqliteStore::open(&file).await.unwrap().close().await;
        let opened = Mutex::new(None);
        let has_log = read(&file, async |_| {
            if opened.lock().await.is_none() {
                *opened.lock().await = Some(SqliteStore::open(&file).await.unwrap());
            }
            Ok(log_file(&file).exists())
        });
        assert_eq!(has_log.await, Ok(true));
    }

    #[tokio::test]
    async fn file_that_changes_all_the_time_is_not_inspected() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("auth.db");
        SqliteStore::open(&file).await.unwrap().close().await;
        let grown = read(&file, async |_| {
            let mut bytes = fs::read(&file)?;
            bytes.push(0);
            fs::write(&file, bytes)?;
            Ok(())
        });
        assert_eq!(grown.await, Err(InspectionError::Changed));
    }
}
