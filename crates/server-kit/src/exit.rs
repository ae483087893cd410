//! Exit codes, and the error message of a command.

use std::{
    future::Future,
    process::{ExitCode, Termination},
    sync::mpsc,
    thread,
    time::Duration,
};

use tokio::runtime::Runtime;

/// Time that writing the error message may take, as standard error may be a full pipe.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a command to its end. Does not wait for blocking tasks that still run, such as the resolution of a name.
pub fn run<T: Termination>(
    program: &str,
    command: impl Future<Output = anyhow::Result<T>>,
) -> ExitCode {
    match Runtime::new() {
        Ok(runtime) => {
            let outcome = runtime.block_on(command);
            runtime.shutdown_background();
            code(program, outcome)
        }
        Err(error) => code(program, Err::<T, _>(error.into())),
    }
}

/// The code of the outcome, or failure with the error and all of its causes on standard error. Waits for at most a second where standard error is a full
/// pipe.
#[must_use]
pub fn code(program: &str, outcome: anyhow::Result<impl Termination>) -> ExitCode {
    match outcome {
        Ok(outcome) => outcome.report(),
        Err(error) => {
            print_error(format!("{program}: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "this is the end of a command line")]
fn print_error(message: String) {
    let (sender, written) = mpsc::channel();
    thread::spawn(move || {
        eprintln!("{message}");
        let _ = sender.send(());
    });
    let _ = written.recv_timeout(WRITE_TIMEOUT);
}
