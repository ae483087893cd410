//! Migrations of a database, whose schema another version may have changed.

use holdfast_identity::store::StoreError;
use sqlx::{
    SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::unavailable;

/// The migrator of a driver, from the files of its directory `migrations`, which are numbered from 1: `"0001_schema"`, and so on. The macro of the
/// library compiles every driver a second time, for the compiler.
#[macro_export]
macro_rules! migrations {
    ($($file:literal),+ $(,)?) => {
        $crate::migration::migrator(&[
            $(($file, include_str!(concat!("../migrations/", $file, ".sql")))),+
        ])
    };
}

/// The first line of a migration that cannot run in a transaction.
const WITHOUT_TRANSACTION: &str = "-- no-transaction\n";

/// The migrator for names and contents of files, in their order. A migration that begins with the line `-- no-transaction` is one statement, and
/// runs in none.
#[must_use]
pub fn migrator(files: &[(&'static str, &'static str)]) -> Migrator {
    let migration = |(version, (name, sql)): (i64, &(&'static str, &'static str))| {
        let description = name.split_once('_').map_or(*name, |(_, rest)| rest);
        let description = description.replace('_', " ").into();
        Migration::new(
            version,
            description,
            MigrationType::Simple,
            sql.into_sql_str(),
            sql.starts_with(WITHOUT_TRANSACTION),
        )
    };
    Migrator {
        migrations: (1..).zip(files).map(migration).collect(),
        ..Migrator::DEFAULT
    }
}

/// The names of the files of a migrator.
pub fn file_names(migrator: &Migrator) -> impl Iterator<Item = String> {
    migrator.iter().map(|one| {
        let description = one.description.replace(' ', "_");
        format!("{:04}_{description}.sql", one.version)
    })
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A later version has migrated it. Its content is unchanged.
    #[error(
        "it was written by a later version of auth-service (schema {found}; this version supports {known}), and nothing was changed; \
         start that version again, or restore a backup that this version made"
    )]
    LaterVersion {
        /// The number of the latest migration in the database.
        found: i64,
        /// The number of the latest migration that this version has.
        known: i64,
    },
    /// A migration in the database, which has this number, differs from that of this version.
    #[error(
        "migration {0} of its schema differs from that of this version of auth-service, and nothing was changed; \
         start the version that wrote it, or restore a backup"
    )]
    OtherSchema(i64),
    /// Its server cannot be reached, is starting, or takes no writes; later it may.
    #[error("its server is not available: {0}")]
    NotAvailable(String),
    /// The database cannot be opened, read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OpenError {
    /// The error of a migration, given the latest one that the database has, and the latest one that this version knows.
    #[must_use]
    pub fn of(error: &MigrateError, found: i64, known: i64) -> Self {
        match error {
            MigrateError::VersionMissing(_) if found > known => Self::LaterVersion { found, known },
            MigrateError::VersionMissing(_) => Self::OtherSchema(found),
            MigrateError::VersionMismatch(version) => Self::OtherSchema(*version),
            error => Self::Store(unavailable(error)),
        }
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(unavailable(error))
    }
}
