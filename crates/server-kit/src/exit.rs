//! How a command line ends.

use std::{future::Future, process::ExitCode, sync::mpsc, thread, time::Duration};

use tokio::runtime::Runtime;

/// How long the end waits for somebody to read why.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs a command line to its end. What then still blocks a thread, such as the resolution of a name, is not waited for.
pub fn run(program: &str, command: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    match Runtime::new() {
        Ok(runtime) => {
            let outcome = runtime.block_on(command);
            runtime.shutdown_background();
            code(program, outcome)
        }
        Err(error) => code(program, Err(error.into())),
    }
}

/// Success, or the error with all of its causes on standard error and a failure. Where nobody reads standard error, and it is full, the
/// process ends nevertheless.
#[must_use]
pub fn code(program: &str, outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format!("{program}: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "this is the end of a command line")]
fn say(message: String) {
    let (said, waiting) = mpsc::channel();
    thread::spawn(move || {
        eprintln!("{message}");
        let _ = said.send(());
    });
    let _ = waiting.recv_timeout(PATIENCE);
}
