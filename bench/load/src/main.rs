//! Loads for `cargo xtask bench` that no common load generator supports. Each command verifies every response, and prints `RESULT`
//! and numbers at its end.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command line"
)]

mod client_logins;
mod closed_loop;
mod codes;
mod collect;
mod ends;
mod latencies;
mod login;
mod refresh;
mod revocations;
mod sessions;
mod site;
mod tokens;
mod validate;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "load")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Receive spans, and discard them
    Collect(collect::Options),
    /// Obtain distinct access tokens
    Tokens(tokens::Options),
    /// Call `ValidateToken` for a while, with one token after the other
    Validate(validate::Options),
    /// Sign in for a while, with many clients at once
    Login(login::Options),
    /// Refresh for a while, with many logins at once
    Refresh(refresh::Options),
    /// Sign in to a relying party for a while, with many logins at once
    Codes(codes::Options),
    /// Measure the latency of ends at several instances
    Ends(ends::Options),
    /// Open many revocation streams, and measure the latency of revocations
    Watch(watch::Options),
    /// Write live sessions to a Redis
    Sessions(sessions::Options),
    /// Write revocations to the database of an auth-service that does not run
    Revocations(revocations::Options),
}

// One thread: the load shares the cores with the servers under test.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    web_service::app::install_crypto_provider();
    match run(Cli::parse().command).await {
        Ok(result) => {
            println!("RESULT {result}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<String> {
    match command {
        Command::Collect(options) => collect::run(options).await,
        Command::Tokens(options) => tokens::run(options).await,
        Command::Validate(options) => validate::run(options).await,
        Command::Login(options) => login::run(options).await,
        Command::Refresh(options) => refresh::run(options).await,
        Command::Codes(options) => codes::run(options).await,
        Command::Ends(options) => ends::run(options).await,
        Command::Watch(options) => watch::run(options).await,
        Command::Sessions(options) => sessions::run(options).await,
        Command::Revocations(options) => revocations::run(options).await,
    }
}
