//! Copies a deployment from the `SQLite` store to the PostgreSQL store: every table, as it is. Accounts, logins, keys, the revocation log
//! with its numbers, and the epoch stay what they are, so that nobody is signed out.

mod copy;
mod error;
mod table;

use std::path::Path;

use holdfast_identity::store::Maintenance as _;
use holdfast_store_postgres::PostgresStore;
use holdfast_store_sqlite::SqliteStore;
use sqlx::{Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

pub use self::error::TransferError;
use self::{copy::Copier, table::TABLES};

/// The number of rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableCount {
    /// The table.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
}

/// What a transfer does after it has read and checked everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It keeps the rows in the target.
    Commit,
    /// It undoes everything.
    DryRun,
}

/// Copies the database in `file` to the PostgreSQL database `url`, which must not have an account yet, and returns the number of rows of each
/// table. Both are migrated to the schema of this version first. No other process can write to the file meanwhile. All rows are written in
/// one transaction.
///
/// # Errors
/// When a database cannot be opened, the target is in use, or the numbers of rows differ afterwards. The target has no rows then.
pub async fn transfer(
    file: &Path,
    url: &str,
    mode: Mode,
) -> Result<Vec<TableCount>, TransferError> {
    if !file.exists() {
        return Err(TransferError::NoSource);
    }
    let source = SqliteStore::open(file).await;
    source.map_err(TransferError::Source)?.close().await;
    let target = PostgresStore::open(url, 2).await;
    target.map_err(TransferError::Target)?.close().await;

    let options = SqliteConnectOptions::new().filename(file);
    let mut source = SqliteConnection::connect_with(&options).await?;
    let mut source = source.begin_with("BEGIN IMMEDIATE").await?;
    let mut target = PgConnection::connect(url).await?;
    let mut target = target.begin().await?;
    let mut copier = Copier {
        source: &mut source,
        target: &mut target,
    };
    copier.require_empty_target().await?;
    let mut counts = Vec::new();
    for table in &TABLES {
        let rows = copier.copy(table).await?;
        counts.push(TableCount {
            table: table.name,
            rows,
        });
    }
    copier.continue_numbers().await?;
    match mode {
        Mode::Commit => target.commit().await?,
        Mode::DryRun => target.rollback().await?,
    }
    source.rollback().await?;
    Ok(counts)
}
