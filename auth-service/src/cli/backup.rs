//! `auth-service backup`

use std::{
    fs::{self, File},
    io::{self, IsTerminal as _},
    path::Path,
};

use anyhow::{Context as _, bail};

use crate::{
    app,
    config::{Database, Settings},
};

pub(super) async fn run(file: &Path, settings: &Settings) -> anyhow::Result<()> {
    let (database, ..) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    if file != Path::new("-") {
        return store
            .back_up(file)
            .await
            .with_context(|| format!("cannot write the backup {}", file.display()));
    }
    if io::stdout().is_terminal() {
        bail!("standard output is a terminal; redirect it, or name a file");
    }
    // A fixed name, so that the file of an interrupted backup is replaced.
    let draft = match &database {
        Database::Sqlite(file) => file.with_added_extension("backup"),
        // The store says which tools make its backups.
        #[cfg(feature = "postgres")]
        Database::Postgres { .. } => return Ok(store.back_up(file).await?),
    };
    let _ = fs::remove_file(&draft);
    let copied = match store.back_up(&draft).await {
        Ok(()) => File::open(&draft).and_then(|copy| copy_all(copy, io::stdout())),
        Err(error) => Err(io::Error::other(error)),
    };
    let _ = fs::remove_file(&draft);
    copied.context("cannot write the backup")
}

fn copy_all(mut from: impl io::Read, mut to: impl io::Write) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    to.flush()
}
