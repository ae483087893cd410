//! `auth-service login`

use std::sync::Arc;

use clap::Subcommand;
use holdfast_core::clock::SystemClock;
use holdfast_identity::{call_context::CallContext, login::end_every_login};

use crate::{app, config::Settings};

#[derive(Subcommand)]
pub(super) enum LoginCommand {
    /// End every login of every account
    EndAll {
        /// The database is a copy that `backup` did not make, and the service is stopped: also end the logins that began after the
        /// copy
        #[arg(long)]
        restored: bool,
    },
}

pub(super) async fn run(command: LoginCommand, settings: &Settings) -> anyhow::Result<()> {
    let LoginCommand::EndAll { restored } = command;
    let (database, ..) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    let audit = app::command_audit(Arc::new(SystemClock));
    let ended = end_every_login(&*store, &audit, &CallContext::operator()).await?;
    if restored {
        store.end_epoch().await?;
    }
    println!("{ended} logins ended");
    Ok(())
}
