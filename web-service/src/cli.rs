//! The command line: `serve`, `doctor` and `healthcheck`.

use std::{process::ExitCode, sync::Arc};

use clap::{Parser, Subcommand};
use holdfast_core::clock::SystemClock;
use holdfast_crypto::random::SystemRandom;
use holdfast_server_kit::{
    config::command_line,
    doctor::{DoctorArgs, print_report},
    healthcheck, passed_socket,
    shutdown::Signals,
    telemetry,
};

use crate::{
    app::{self, App},
    config::{PREFIX, Settings},
    doctor,
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
    /// Serve HTTPS until SIGTERM, SIGINT or SIGQUIT (the default)
    Serve,
    /// Check this installation without changing it: 0 is all well, 1 a warning, 2 an error
    Doctor(DoctorArgs),
    /// Query `/readyz` of the service on this machine, and fail where it is not ready
    Healthcheck,
}

/// Runs the command that the command line names.
///
/// # Errors
/// Why the command failed, with all causes.
pub async fn main() -> anyhow::Result<ExitCode> {
    let Cli { command, settings } = command_line::parse(PREFIX);
    match command.unwrap_or(Command::Serve) {
        Command::Serve => serve(settings).await,
        Command::Doctor(arguments) => return examine(arguments, settings).await,
        Command::Healthcheck => check_health(&settings).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let socket = passed_socket::take("https")?;
    let signals = Signals::listen()?;
    let (telemetry, config) = settings.serve()?;
    let _telemetry = telemetry::init(telemetry, &SystemRandom)?;
    app::install_crypto_provider();
    let app = tokio::select! {
        built = App::build_on(socket, config, Arc::new(SystemClock)) => built?,
        () = signals.shutdown.cancelled() => return Ok(()),
    };
    app.run(signals).await
}

async fn check_health(settings: &Settings) -> anyhow::Result<()> {
    healthcheck::probe(settings.ops_listen()?).await
}

async fn examine(arguments: DoctorArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    app::install_crypto_provider();
    let checks = Box::pin(doctor::run(settings, Arc::new(SystemClock)));
    let program = ("web-service", env!("CARGO_PKG_VERSION"));
    print_report(program, arguments, checks).await
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_server_kit::config::reference;

    use super::*;

    #[test]
    fn configuration_document_lists_the_settings() {
        let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONFIGURATION.md");
        let command = command_line::command::<Cli>(PREFIX);
        let verified = reference::verify(Path::new(document), "web-service", &command);
        assert_eq!(verified, Ok(()));
    }
}
