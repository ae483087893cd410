//! Migration of a database file to the schema of this version.

use holdfast_identity::store::StoreError;
use sqlx::migrate::{MigrateError, Migrator};

use crate::{pool::Pool, query::unavailable};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Why a database file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A later version has migrated it. Its content is unchanged.
    #[error(
        "it was written by a later version of auth-service (schema {found}; this version supports {known}), and nothing was changed; \
         start that version again, or restore a backup that this version made"
    )]
    LaterVersion {
        /// The number of the latest migration in the file.
        found: i64,
        /// The number of the latest migration that this version has.
        known: i64,
    },
    /// A migration in the file, which has this number, differs from that of this version.
    #[error(
        "migration {0} of its schema differs from that of this version of auth-service, and nothing was changed; \
         start the version that wrote it, or restore a backup"
    )]
    OtherSchema(i64),
    /// The database cannot be opened, read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(unavailable(error))
    }
}

/// Runs the missing migrations under the write lock, so that of two processes that start at once only one migrates.
pub(super) async fn migrate(writer: &Pool) -> Result<(), OpenError> {
    let mut writer = writer.acquire().await?;
    let mut transaction = writer.begin().await?;
    match MIGRATIONS.run(&mut *transaction).await {
        Ok(()) => Ok(transaction.commit().await?),
        Err(MigrateError::VersionMissing(_)) => {
            let found = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
                .fetch_one(&mut *transaction)
                .await?;
            let known = MIGRATIONS.iter().map(|one| one.version).max();
            let known = known.unwrap_or_default();
            Err(if found > known {
                OpenError::LaterVersion { found, known }
            } else {
                OpenError::OtherSchema(found)
            })
        }
        Err(MigrateError::VersionMismatch(version)) => Err(OpenError::OtherSchema(version)),
        Err(error) => Err(StoreError::Unavailable(error.to_string()).into()),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_identity::store::Maintenance as _;

    use super::*;
    use crate::SqliteStore;

    /// The error of opening a file after this statement.
    async fn open_error_after(sql: &'static str) -> OpenError {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("auth.db");
        let store = SqliteStore::open(&file).await.unwrap();
        let mut writer = store.write().await.unwrap();
        sqlx::query(sql).execute(&mut *writer).await.unwrap();
        drop(writer);
        store.close().await;
        SqliteStore::open(&file).await.unwrap_err()
    }

    #[tokio::test]
    async fn schema_of_a_later_version_is_reported() {
        let error = open_error_after(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'later', TRUE, x'00', 0)",
        )
        .await;
        assert!(
            matches!(error, OpenError::LaterVersion { found: 9999, .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn changed_migration_is_reported() {
        let error =
            open_error_after("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2")
                .await;
        assert!(matches!(error, OpenError::OtherSchema(2)), "{error}");
    }
}
