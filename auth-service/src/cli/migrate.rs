//! `auth-service migrate`

use anyhow::{Context as _, bail};
use clap::Args;
use holdfast_store_transfer::{Mode, transfer};

use crate::config::{Database, Settings};

/// Arguments of `migrate`.
#[derive(Args)]
pub(super) struct MigrateArgs {
    /// The database to copy: `sqlite:FILE`
    #[arg(long, value_name = "URL")]
    from: String,
    /// The database to copy to: `postgres://…`, which has no accounts yet [default: `AUTH_DATABASE_URL`]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Read, write and count everything, and undo it
    #[arg(long)]
    dry_run: bool,
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(super) async fn run(arguments: &MigrateArgs, settings: &Settings) -> anyhow::Result<()> {
    let parse = |url: &str| Database::parse(url, 2).map_err(anyhow::Error::msg);
    let Database::Sqlite(from) = parse(&arguments.from).context("--from")? else {
        bail!("--from: must be sqlite:FILE");
    };
    let to = match &arguments.to {
        Some(url) => parse(url).context("--to")?,
        None => settings.accounts()?.0,
    };
    let Database::Postgres { url, .. } = to else {
        bail!("--to, or AUTH_DATABASE_URL: must be postgres://USER@HOST/DATABASE");
    };
    let mode = if arguments.dry_run {
        Mode::DryRun
    } else {
        Mode::Commit
    };
    for count in transfer(&from, url.expose(), mode).await? {
        println!("{}\t{}", count.table, count.rows);
    }
    if arguments.dry_run {
        println!("nothing was kept: this was a dry run");
    }
    Ok(())
}
