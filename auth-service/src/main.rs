//! The program `auth-service`.

use std::process::ExitCode;

use holdfast_server_kit::exit;

use auth_service::cli;

fn main() -> ExitCode {
    exit::run("auth-service", cli::main())
}
