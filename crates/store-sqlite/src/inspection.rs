//! Inspection of a database file, which changes nothing.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use holdfast_identity::store::StoreError;
pub use holdfast_store_sql::inspection::{SchemaState, StoredKeys};
use holdfast_store_sql::{
    SqlRow as _,
    inspection::{APPLIED_MIGRATIONS, SECRET_KEYS, SIGNING_KEYS, applied_migration, secret_key},
    key::signing_key,
    unavailable,
};
use sqlx::{ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{BUSY_TIMEOUT, migration::MIGRATIONS, query::RunQuery as _};

/// Position in the header of a file at which the version is that it is written with, and the version of the write-ahead log
/// (<https://www.sqlite.org/fileformat.html>).
const WRITE_VERSION: usize = 18;
const WRITE_AHEAD: u8 = 2;

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

/// Reads a file that exists. A service may use it at the same time.
///
/// # Errors
/// When it cannot be read, or is no database.
pub async fn inspect(file: &Path) -> Result<SqliteFacts, StoreError> {
    let is_write_ahead = is_write_ahead(file).map_err(unavailable)?;
    let mut connection = open(file).await?;
    let table = sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'");
    let has_migrations = table.first_row(&mut connection).await?.is_some();
    let mut applied = Vec::new();
    if has_migrations {
        let rows = sqlx::query(APPLIED_MIGRATIONS)
            .rows(&mut connection)
            .await?;
        applied = rows
            .iter()
            .map(applied_migration)
            .collect::<Result<_, _>>()?;
    }
    Ok(SqliteFacts {
        is_write_ahead,
        schema: SchemaState::of(&applied, &MIGRATIONS, None),
        keys: keys(&mut connection).await,
    })
}

/// The first damage that `PRAGMA quick_check` finds in a file, if there is any. Reads the whole file.
///
/// # Errors
/// When it cannot be read, or is no database.
pub async fn find_damage(file: &Path) -> Result<Option<String>, StoreError> {
    let mut connection = open(file).await?;
    let row = sqlx::query("PRAGMA quick_check(1)")
        .only_row(&mut connection)
        .await?;
    let result = row.text("quick_check")?;
    Ok((result != "ok").then(|| result.to_owned()))
}

async fn keys(connection: &mut SqliteConnection) -> Result<StoredKeys, StoreError> {
    let signing = sqlx::query(SIGNING_KEYS).rows(connection).await?;
    let secret = sqlx::query(SECRET_KEYS).rows(connection).await?;
    Ok(StoredKeys {
        signing: signing.iter().map(signing_key).collect::<Result<_, _>>()?,
        secret: secret.iter().map(secret_key).collect::<Result<_, _>>()?,
    })
}

/// A connection that creates no files: without a service that has the file open there is no log, and a reader would create one.
async fn open(file: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .immutable(!log_file(file).exists())
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    options.connect().await.map_err(unavailable)
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
    use std::fs;

    use holdfast_identity::store::Maintenance as _;
    use sqlx::Connection as _;

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
        assert!(!matches!(damage, Ok(None)), "{damage:?}");
    }
}
