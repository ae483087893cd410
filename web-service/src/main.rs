//! The command line of web-service.

use std::process::ExitCode;

use web_service::cli;

#[tokio::main]
async fn main() -> ExitCode {
    cli::main().await
}
