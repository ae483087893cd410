//! Backups. A backup contains no logins and no epoch, so that restoring it revives neither a login that has ended since nor a refresh token
//! that was rotated since.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use holdfast_identity::store::StoreError;
use holdfast_store_sql::unavailable;
use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use crate::{SqliteStore, query::RunQuery as _};

/// Deletes what a backup must not contain. Signing keys are deleted, as one may be revoked after the backup; no token needs them once all
/// logins have ended.
const STRIP: &str = "DELETE FROM grants; DELETE FROM logins; DELETE FROM revocations; DELETE FROM epoch; DELETE FROM signing_keys; \
     DELETE FROM known_places; DELETE FROM trusted_browsers;";

impl SqliteStore {
    /// Writes a backup into a new file.
    ///
    /// # Errors
    /// When the file exists or cannot be written, or the database cannot be read.
    pub(super) async fn write_backup(&self, file: &Path) -> Result<(), StoreError> {
        create_new(file).map_err(unavailable)?;
        // The file has its name only once it contains no logins.
        let draft = file.with_added_extension("part");
        let copied = match self.copy_without_logins(&draft).await {
            Ok(()) => fs::rename(&draft, file).map_err(unavailable),
            Err(error) => Err(error),
        };
        if copied.is_err() {
            let _ = fs::remove_file(&draft);
            let _ = fs::remove_file(file);
        }
        copied
    }

    async fn copy_without_logins(&self, file: &Path) -> Result<(), StoreError> {
        let _ = fs::remove_file(file);
        create_new(file).map_err(unavailable)?;
        let path = file.to_string_lossy().into_owned();
        sqlx::query("VACUUM INTO ?")
            .bind(path)
            .run(&mut *self.read().await?)
            .await?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            // Without the files of a write-ahead log.
            .journal_mode(SqliteJournalMode::Delete)
            .pragma("secure_delete", "ON");
        let mut copy = SqliteConnection::connect_with(&options)
            .await
            .map_err(unavailable)?;
        sqlx::raw_sql(STRIP)
            .execute(&mut copy)
            .await
            .map_err(unavailable)?;
        copy.close().await.map_err(unavailable)?;
        Ok(())
    }
}

fn create_new(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(file)?;
    Ok(())
}
