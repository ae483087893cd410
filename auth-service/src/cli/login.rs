//! `auth-service login`

use clap::Subcommand;
use holdfast_core::clock::{Clock as _, SystemClock};
use holdfast_identity::{
    audit::AuditKind,
    login::EndReason,
    store::{LoginStore as _, RevocationLog as _},
};

use crate::{
    app,
    cli::audit::{Subject, record},
    config::Settings,
};

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
