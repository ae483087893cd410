//! Load from `wrk`.

use std::{process::Command, time::Duration};

use anyhow::ensure;
use xtask::workspace;

use crate::load::{Answered, Clients, Turns, output, result};

/// Asks for a while.
pub(super) fn command(clients: Clients, length: Duration, turns: Option<&Turns>) -> Command {
    let mut command = Command::new("wrk");
    command
        .args(["--threads", &clients.threads.to_string()])
        .args(["--connections", &clients.connections.to_string()])
        .args(["--duration", &format!("{}s", length.as_secs())])
        .arg("--script")
        .arg(workspace::root().join("bench/src/check.lua"));
    if let Some(turns) = turns {
        command
            .env("BENCH_FILE", &turns.file)
            .env("BENCH_LINES", turns.lines.to_string())
            .env("BENCH_SKIP", turns.had().to_string());
    }
    command
}

pub(super) fn run(command: &mut Command) -> anyhow::Result<Answered> {
    let [requests, wrong, failed, took, p50, p99] = result(&output(command)?)?;
    ensure!(wrong == 0, "{wrong} of {requests} answers were wrong");
    ensure!(failed == 0, "{failed} requests failed");
    Ok(Answered {
        requests,
        took: Duration::from_micros(took),
        p50: Duration::from_micros(p50),
        p99: Duration::from_micros(p99),
    })
}
