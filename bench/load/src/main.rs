//! What `cargo xtask bench` asks of the services that no common tool can ask. Each command looks at every answer, and says in the
//! end `RESULT` and some numbers.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command line"
)]

mod closed_loop;
mod latencies;
mod login;
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
    /// Have distinct access tokens issued
    Tokens(tokens::Options),
    /// Ask auth-service for a while to validate one token after the other
    Validate(validate::Options),
    /// Sign in for a while, with many clients at once
    Login(login::Options),
    /// Watch revocations many times at once, and see how fast they come
    Watch(watch::Options),
    /// Fill a Redis with live sessions
    Sessions(sessions::Options),
    /// Fill the database of an auth-service that does not run with revocations
    Revocations(revocations::Options),
}

// One thread: the load shares the cores with what it measures.
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
        Command::Tokens(options) => tokens::run(options).await,
        Command::Validate(options) => validate::run(options).await,
        Command::Login(options) => login::run(options).await,
        Command::Watch(options) => watch::run(options).await,
        Command::Sessions(options) => sessions::run(options).await,
        Command::Revocations(options) => revocations::run(options).await,
    }
}
