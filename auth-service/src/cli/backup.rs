//! `auth-service backup`

use std::{
    fs::{self, File},
    io::{self, IsTerminal as _},
    path::Path,
};

use anyhow::{Context as _, bail};

use crate::{app, config::Settings};

pub(super) async fn run(file: &Path, settings: &Settings) -> anyhow::Result<()> {
    let (database, _) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    if file != Path::new("-") {
        return store
            .back_up(file)
            .await
            .with_context(|| format!("cannot make the backup {}", file.display()));
    }
    if io::stdout().is_terminal() {
        bail!("a database is nothing for a terminal; redirect the output, or name a file");
    }
    // One name: what an earlier one left behind does not stay.
    let draft = database.with_added_extension("backup");
    let _ = fs::remove_file(&draft);
    let copied = match store.back_up(&draft).await {
        Ok(()) => File::open(&draft).and_then(|copy| pour(copy, io::stdout())),
        Err(error) => Err(io::Error::other(error)),
    };
    let _ = fs::remove_file(&draft);
    copied.context("cannot make the backup")
}

fn pour(mut from: impl io::Read, mut to: impl io::Write) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    to.flush()
}
