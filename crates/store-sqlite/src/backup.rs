//! A copy of the database, for safe keeping. It holds no logins, and begins a history of its own: where it is restored, nothing that was signed out since,
//! and no refresh token that was used since, may come back to life.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use holdfast_identity::store::StoreError;
use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use crate::{SqliteStore, unavailable};

/// What lives no longer than the database it is in. A signing key may be revoked after the copy was made, and as all of its
/// tokens end with the logins, nothing needs it.
const FORGET: &str = "DELETE FROM logins; DELETE FROM revocations; DELETE FROM epoch; DELETE FROM signing_keys; \
     DELETE FROM known_places;";

impl SqliteStore {
    /// Writes a copy, as of this moment, into a new file for its owner alone. The service may go on meanwhile.
    ///
    /// # Errors
    /// When the file exists, cannot be written, or the database does not answer.
    pub async fn back_up(&self, file: &Path) -> Result<(), StoreError> {
        make_new(file).map_err(failed)?;
        // Until it holds no logins, it must not look like a backup.
        let draft = file.with_added_extension("part");
        let copied = match self.copy_without_logins(&draft).await {
            Ok(()) => fs::rename(&draft, file).map_err(failed),
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
        make_new(file).map_err(failed)?;
        let path = file.to_string_lossy().into_owned();
        sqlx::query("VACUUM INTO ?")
            .bind(path)
            .execute(&mut *self.read().await?)
            .await
            .map_err(unavailable)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            // One file, without others beside it.
            .journal_mode(SqliteJournalMode::Delete)
            .pragma("secure_delete", "ON");
        let mut copy = SqliteConnection::connect_with(&options)
            .await
            .map_err(unavailable)?;
        sqlx::raw_sql(FORGET)
            .execute(&mut copy)
            .await
            .map_err(unavailable)?;
        copy.close().await.map_err(unavailable)?;
        Ok(())
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "errors are passed on by map_err"
)]
fn failed(why: io::Error) -> StoreError {
    StoreError::Unavailable(why.to_string())
}

fn make_new(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(file)?;
    Ok(())
}
