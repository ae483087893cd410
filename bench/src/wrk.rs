//! HTTP load by `wrk`.

use std::{process::Command, time::Duration};

use anyhow::ensure;
use xtask::workspace;

use crate::generator::{Clients, LineCursor, LoadResult, output, parse_result};

/// The command that generates load for `length`.
pub(super) fn command(clients: Clients, length: Duration, cursor: Option<&LineCursor>) -> Command {
    let mut command = Command::new("wrk");
    command
        .args(["--threads", &clients.threads.to_string()])
        .args(["--connections", &clients.connections.to_string()])
        .args(["--duration", &format!("{}s", length.as_secs())])
        .arg("--script")
        .arg(workspace::root().join("bench/src/check.lua"));
    if let Some(cursor) = cursor {
        command
            .env("BENCH_FILE", &cursor.file)
            .env("BENCH_LINES", cursor.lines.to_string())
            .env("BENCH_SKIP", cursor.used().to_string());
    }
    command
}

/// Runs the command of [`command`].
///
/// # Errors
/// When a response was wrong or missing.
pub(super) fn run(command: &mut Command) -> anyhow::Result<LoadResult> {
    let [requests, wrong, failed, took, p50, p99] = parse_result(&output(command)?)?;
    ensure!(wrong == 0, "{wrong} of {requests} responses were wrong");
    ensure!(failed == 0, "{failed} requests failed");
    Ok(LoadResult {
        requests,
        took: Duration::from_micros(took),
        p50: Duration::from_micros(p50),
        p99: Duration::from_micros(p99),
    })
}
