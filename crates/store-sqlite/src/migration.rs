//! A database file is brought up to date, unless a later version has been there.

use holdfast_identity::store::StoreError;
use sqlx::migrate::{MigrateError, Migrator};

use crate::{pool::Connections, unavailable};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Why a database file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A later version has changed it; what it holds is whole.
    #[error(
        "it was written by a later version of auth-service (schema {found}; this version knows {known}), and nothing was changed; \
         start that version again, or restore a backup that this version made"
    )]
    LaterVersion {
        /// The latest change that was made to the schema.
        found: i64,
        /// The latest that this version knows.
        known: i64,
    },
    /// It was changed by something that is no release of auth-service.
    #[error(
        "change {0} of its schema is not the one that this version of auth-service made, and nothing was changed; \
         start the version that wrote it, or restore a backup"
    )]
    OtherSchema(i64),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(unavailable(error))
    }
}

/// Under the write lock, so that of two processes that start at once the second finds everything done.
pub(super) async fn migrate(writer: &Connections) -> Result<(), OpenError> {
    let mut writer = writer.take().await?;
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
    use super::*;
    use crate::SqliteStore;

    /// What opening says after this was done to the file.
    async fn after(sql: &'static str) -> OpenError {
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
    async fn database_of_a_later_version_is_named_as_such() {
        let error = after(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'what is to come', TRUE, x'00', 0)",
        )
        .await;
        assert!(
            matches!(error, OpenError::LaterVersion { found: 9999, .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn changed_schema_is_named_as_such() {
        let error = after("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2").await;
        assert!(matches!(error, OpenError::OtherSchema(2)), "{error}");
    }
}
