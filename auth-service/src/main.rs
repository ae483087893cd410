//! The command line of auth-service.

use std::process::ExitCode;

use auth_service::cli;
use service_kit::exit;

fn main() -> ExitCode {
    exit::run("auth-service", cli::main())
}
