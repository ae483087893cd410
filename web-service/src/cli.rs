//! The command line: `serve` and `healthcheck`.

use std::{process::ExitCode, sync::Arc};

use clap::{Parser, Subcommand};
use service_kit::{
    config::command_line, exit, healthcheck, shutdown, system::SystemClock, telemetry,
};

use crate::{
    app::{self, App},
    config::Settings,
};

/// Cookie sessions, pages and a REST API over HTTPS.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Serve HTTPS until SIGTERM or SIGINT (the default)
    Serve,
    /// Ask the ops port of the service beside this whether it is ready
    Healthcheck,
}

/// Runs the command that the process was started with.
pub async fn main() -> ExitCode {
    let Cli { command, settings } = command_line::parse();
    let outcome = match command.unwrap_or(Command::Serve) {
        Command::Serve => serve(settings).await,
        Command::Healthcheck => check_health(&settings).await,
    };
    exit::code("web-service", outcome)
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let (log, config) = settings.serve()?;
    telemetry::init(log);
    app::install_crypto_provider();
    let shutdown = shutdown::on_signal()?;
    App::build(config, Arc::new(SystemClock))
        .await?
        .run(shutdown)
        .await
}

async fn check_health(settings: &Settings) -> anyhow::Result<()> {
    healthcheck::probe(settings.ops_listen()?).await
}
