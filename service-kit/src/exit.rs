//! How a command line ends.

use std::process::ExitCode;

/// Success, or the error with all of its causes on standard error and a failure.
#[must_use]
#[expect(clippy::print_stderr, reason = "this is the end of a command line")]
pub fn code(program: &str, outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
