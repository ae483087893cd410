//! A Redis server for the benchmark.

use std::{net::TcpStream, process::Command};

use anyhow::{Context as _, ensure};

use crate::{free_port, process::Server, scratch_directory};

/// Starts a server on a free port and returns both.
pub(super) fn start() -> anyhow::Result<(Server, u16)> {
    let port = free_port()?;
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no"])
        .current_dir(scratch_directory()?);
    // It listens when it is ready.
    let server = Server::start(&mut command, || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    })?;
    Ok((server, port))
}

/// The number of commands that the server has processed, without those of this probe.
pub(super) fn commands(port: u16) -> anyhow::Result<u64> {
    let stats = info(port, "commandstats")?;
    let calls = stats.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let is_ours = !["info", "ping", "config", "command"].contains(&name);
        is_ours.then(|| rest.split(',').next()?.parse::<u64>().ok())?
    });
    Ok(calls.sum())
}

/// The memory that the server uses, in bytes.
pub(super) fn used_memory(port: u16) -> anyhow::Result<u64> {
    let memory = info(port, "memory")?;
    let mut lines = memory.lines();
    let bytes = lines.find_map(|line| line.strip_prefix("used_memory:"));
    Ok(bytes
        .context("INFO contains no used_memory")?
        .trim()
        .parse()?)
}

fn info(port: u16, report: &str) -> anyhow::Result<String> {
    let output = Command::new("redis-cli")
        .args(["-p", &port.to_string(), "INFO", report])
        .output()
        .context("cannot run redis-cli")?;
    ensure!(output.status.success(), "Redis does not answer");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
