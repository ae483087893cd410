//! Errors of a transfer.

use holdfast_store_postgres::OpenError;

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// There is no file.
    #[error("the SQLite file does not exist")]
    NoSource,
    /// The file cannot be opened.
    #[error("the SQLite file cannot be opened: {0}")]
    Source(OpenError),
    /// The PostgreSQL database cannot be opened.
    #[error("the PostgreSQL database cannot be opened: {0}")]
    Target(OpenError),
    /// The target has accounts.
    #[error("the PostgreSQL database is in use: it has accounts; create another one")]
    TargetInUse,
    /// The columns of a table differ.
    #[error("the columns of the table {0} differ")]
    OtherColumns(&'static str),
    /// Rows are missing in the target.
    #[error("{table} has {expected} rows, and {written} were written")]
    Count {
        /// The table.
        table: &'static str,
        /// Rows of the source.
        expected: u64,
        /// Rows of the target.
        written: u64,
    },
    /// A database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}
