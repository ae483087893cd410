//! `auth-service clock`

use std::time::Duration;

use clap::Subcommand;
use holdfast_core::{
    clock::{Clock as _, SystemClock},
    steady_clock::Checkpoint,
};

use crate::{app, config::Settings};

#[derive(Subcommand)]
pub(super) enum ClockCommand {
    /// Confirm that the clock of this machine is right after a leap: from the next minute on, expired data is deleted by it
    Accept,
}

pub(super) async fn run(command: ClockCommand, settings: &Settings) -> anyhow::Result<()> {
    let ClockCommand::Accept = command;
    let (database, ..) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    let now = SystemClock.now();
    let checkpoint = Checkpoint {
        steady: now,
        clock: now,
        since_leap: Duration::ZERO,
    };
    store.keep_checkpoint(checkpoint).await?;
    println!("it is {now}");
    Ok(())
}
