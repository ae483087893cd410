//! `auth-service login`

use std::sync::Arc;

use clap::Subcommand;
use holdfast_core::clock::{Clock as _, SystemClock};
use holdfast_identity::{
    audit::{AuditKind, AuditSubject},
    call_context::CallContext,
    login::EndReason,
};

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
    let (database, _) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    let audit = app::command_audit(store.clone(), Arc::new(SystemClock));
    let (context, kind) = (CallContext::operator(), AuditKind::AllLoginsEnded);
    let events = [audit.event(&context, kind, AuditSubject::default())];
    let (reason, now) = (EndReason::Operator, SystemClock.now());
    let ended = store.end_every_login(reason, now, &events).await?;
    audit.committed(true, &events);
    if restored {
        store.end_epoch().await?;
    }
    println!("{ended} logins ended");
    Ok(())
}
