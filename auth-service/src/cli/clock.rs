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
    /// Say that the clock of this machine is right, though it leapt: what is too old by it is deleted again, from the next minute on
    Believe,
}

pub(super) async fn run(command: ClockCommand, settings: &Settings) -> anyhow::Result<()> {
    let ClockCommand::Believe = command;
    let (database, _) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    let now = SystemClock.now();
    let believed = Checkpoint {
        steady: now,
        clock: now,
        since_leap: Duration::ZERO,
    };
    store.keep_checkpoint(believed).await?;
    println!("it is {now}");
    Ok(())
}
