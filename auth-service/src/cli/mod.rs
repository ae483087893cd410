//! The command line: `serve`, and the care of accounts, clients and keys beside a running service.
#![expect(clippy::print_stdout, reason = "this is the command line")]

mod audit;
mod backup;
mod client;
mod clock;
mod key;
mod login;
mod user;

use std::{path::PathBuf, sync::Arc};

use clap::{Parser, Subcommand};
use holdfast_core::clock::SystemClock;
use holdfast_server_kit::{config::command_line, healthcheck, shutdown::Signals, telemetry};

use self::{
    client::ClientCommand, clock::ClockCommand, key::KeyCommand, login::LoginCommand,
    user::UserCommand,
};
use crate::{
    app::{self, App},
    config::Settings,
};

/// Accounts, logins and tokens over gRPC.
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
    /// Serve gRPC until SIGTERM, SIGINT or SIGQUIT (the default)
    Serve,
    /// Accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Logins
    #[command(subcommand)]
    Login(LoginCommand),
    /// Programs that ask for tokens in their own name (OAuth clients)
    #[command(subcommand)]
    Client(ClientCommand),
    /// Signing keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// The clock by which the service deletes what is too old
    #[command(subcommand)]
    Clock(ClockCommand),
    /// Copy the database, without logins, into a new file; `-` is standard output
    Backup {
        /// Where to
        file: PathBuf,
    },
    /// Ask the ops port of the service beside this whether it is ready
    Healthcheck,
}

/// Runs the command that the process was started with.
///
/// # Errors
/// Why it failed.
pub async fn main() -> anyhow::Result<()> {
    let Cli { command, settings } = command_line::parse();
    match command.unwrap_or(Command::Serve) {
        Command::Serve => serve(settings).await,
        Command::User(command) => user::run(command, &settings).await,
        Command::Login(command) => login::run(command, &settings).await,
        Command::Client(command) => client::run(command, &settings).await,
        Command::Key(command) => key::run(command, settings).await,
        Command::Clock(command) => clock::run(command, &settings).await,
        Command::Backup { file } => backup::run(&file, &settings).await,
        Command::Healthcheck => check_health(&settings).await,
    }
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    let (log, config) = settings.serve()?;
    let _log = telemetry::init(log)?;
    app::install_crypto_providers();
    let app = tokio::select! {
        built = App::build(config, Arc::new(SystemClock)) => built?,
        () = signals.shutdown.cancelled() => return Ok(()),
    };
    app.run(signals).await
}

async fn check_health(settings: &Settings) -> anyhow::Result<()> {
    healthcheck::probe(settings.ops_listen()?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An argument of a command that is named like a setting has the setting's identifier, and must have its type: clap finds that
    /// out only when it is read.
    #[test]
    fn every_argument_of_a_command_is_read() {
        for line in [
            "serve",
            "user add ada --admin --password-stdin",
            "user set-password ada --password-stdin",
            "user list",
            "login end-all",
            "client add orders --audience https://a.example --scope orders:read --dpop-required",
            "client add orders --audience https://a.example --jwk key.json --introspection-only",
            "client add orders --audience https://a.example --public",
            "client list",
            "key list",
            "key rotate",
            "key revoke 7",
            "backup -",
            "healthcheck",
        ] {
            let arguments = ["auth-service"].into_iter().chain(line.split(' '));
            let parsed = Cli::try_parse_from(arguments).map(|_| ());
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }
}
