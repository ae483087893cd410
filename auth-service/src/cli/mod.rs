//! The command line: `serve`, and commands for accounts, logins, OAuth clients and keys, which may run beside the service.
#![expect(clippy::print_stdout, reason = "this is the command line")]

mod backup;
mod client;
mod clock;
mod key;
mod login;
#[cfg(feature = "postgres")]
mod migrate;
mod user;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

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

#[cfg(feature = "postgres")]
use self::migrate::MigrateArgs;
use self::{
    client::ClientCommand, clock::ClockCommand, key::KeyCommand, login::LoginCommand,
    user::UserCommand,
};
use crate::{
    app::{self, App},
    config::{PREFIX, Settings},
    doctor,
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
    /// OAuth clients
    #[command(subcommand)]
    Client(ClientCommand),
    /// Signing keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// The clock by which expired data is deleted
    #[command(subcommand)]
    Clock(ClockCommand),
    /// Copy the database, without logins, into a new file; `-` is standard output
    Backup {
        /// The new file, or `-`
        file: PathBuf,
    },
    /// Copy a `sqlite:` database, logins included, into a PostgreSQL database; the service must be stopped
    #[cfg(feature = "postgres")]
    Migrate(MigrateArgs),
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
        Command::User(command) => user::run(command, &settings).await,
        Command::Login(command) => login::run(command, &settings).await,
        Command::Client(command) => client::run(command, &settings).await,
        Command::Key(command) => key::run(command, settings).await,
        Command::Clock(command) => clock::run(command, &settings).await,
        Command::Backup { file } => backup::run(&file, &settings).await,
        #[cfg(feature = "postgres")]
        Command::Migrate(arguments) => migrate::run(&arguments, &settings).await,
        Command::Doctor(arguments) => return examine(arguments, settings).await,
        Command::Healthcheck => check_health(&settings).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let socket = passed_socket::take("grpc")?;
    let signals = Signals::listen()?;
    let (telemetry, config) = settings.serve()?;
    let _telemetry = telemetry::init(telemetry, &SystemRandom)?;
    app::install_crypto_providers();
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
    app::install_crypto_providers();
    let checks = Box::pin(doctor::run(settings, &SystemClock));
    let program = ("auth-service", env!("CARGO_PKG_VERSION"));
    print_report(program, arguments, checks).await
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::FromArgMatches as _;
    use holdfast_server_kit::config::reference;

    use super::*;

    #[test]
    fn configuration_document_lists_the_settings() {
        let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONFIGURATION.md");
        let command = command_line::command::<Cli>(PREFIX);
        let verified = reference::verify(Path::new(document), "auth-service", &command);
        assert_eq!(verified, Ok(()));
    }

    /// An argument of a command that has the name of a setting also has its identifier, and must have its type: clap detects a
    /// difference only when the argument is parsed.
    #[test]
    fn arguments_of_every_command_are_parsed() {
        for line in [
            "serve",
            "user add ada --admin --password-stdin",
            "user set-password ada --password-stdin",
            "user list",
            "user factors list ada",
            "user factors reset ada",
            "user factors require ada",
            "login end-all",
            "client add orders --audience https://a.example --scope orders:read --dpop-required",
            "client add orders --audience https://a.example --jwk key.json --introspection-only",
            "client add orders --audience https://a.example --public",
            "client list",
            "key list",
            "key rotate",
            "key revoke 7",
            "backup -",
            "clock accept",
            #[cfg(feature = "postgres")]
            "migrate --from sqlite:auth.db --to postgres://db/holdfast --dry-run",
            "doctor",
            "doctor --json",
            "healthcheck --ops-listen 127.0.0.1:1",
        ] {
            let arguments = ["auth-service"].into_iter().chain(line.split(' '));
            let matches = command_line::command::<Cli>(PREFIX).try_get_matches_from(arguments);
            let parsed = matches.and_then(|matches| Cli::from_arg_matches(&matches));
            let error = parsed.err().map(|error| error.to_string());
            assert_eq!(error, None, "{line}");
        }
    }
}
