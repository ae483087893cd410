//! The command line of web-service.

use std::process::ExitCode;

use holdfast_server_kit::exit;

use web_service::cli;

fn main() -> ExitCode {
    exit::run("web-service", cli::main())
}
