//! `auth-service login`

use clap::Subcommand;
use service_kit::system::{Clock as _, SystemClock};

use super::record::{Subject, record};
use crate::{
    app,
    config::Settings,
    domain::{
        audit::AuditKind,
        login::EndReason,
        ports::{Logins as _, Revocations as _},
    },
};

#[derive(Subcommand)]
pub(super) enum LoginCommand {
    /// End every login of everybody
    EndAll {
        /// The database is a copy that was not made by `backup`, and the service is stopped: end also those that began after
        /// it was made
        #[arg(long)]
        restored: bool,
    },
}

pub(super) async fn run(command: LoginCommand, settings: &Settings) -> anyhow::Result<()> {
    let LoginCommand::EndAll { restored } = command;
    let (database, _) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    let ended = store
        .end_every_login(EndReason::Operator, SystemClock.now())
        .await?;
    if restored {
        store.end_epoch().await?;
    }
    record(store, AuditKind::AllLoginsEnded, Subject::Service).await;
    println!("{ended} logins ended");
    Ok(())
}
