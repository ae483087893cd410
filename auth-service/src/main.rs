//! The command line of auth-service.

use std::process::ExitCode;

use auth_service::cli;

#[tokio::main]
async fn main() -> ExitCode {
    cli::main().await
}
