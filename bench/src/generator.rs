//! Programs that generate load: how much they generate, and what they report.

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use crate::cores;

/// The result of a run in which every response was correct.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoadResult {
    /// Number of responses.
    pub(super) requests: u64,
    /// Duration of the run.
    pub(super) took: Duration,
    /// Median latency.
    pub(super) p50: Duration,
    /// 99th percentile of the latency.
    pub(super) p99: Duration,
}

/// The lines of a file, used one after the other and continued from one run to the next.
pub(super) struct LineCursor {
    pub(super) file: PathBuf,
    /// Upper limit of the lines to use.
    pub(super) lines: u64,
    used: AtomicU64,
}

impl LineCursor {
    pub(super) const fn new(file: PathBuf, lines: u64) -> Self {
        Self {
            file,
            lines,
            used: AtomicU64::new(0),
        }
    }

    /// The number of lines that were used so far, counted again for each pass.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn advance(&self, lines: u64) {
        self.used.fetch_add(lines, Ordering::Relaxed);
    }
}

/// Threads and connections of an HTTP load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clients {
    pub(super) threads: usize,
    pub(super) connections: usize,
}

impl Clients {
    /// More requests than servers can process that share the cores with the load.
    pub(super) fn saturating() -> Self {
        Self {
            threads: cores(),
            connections: 64,
        }
    }

    /// One thread with 16 connections, so that the servers wait for requests now and then.
    pub(super) const fn one_core() -> Self {
        Self {
            threads: 1,
            connections: 16,
        }
    }

    /// The share of one of `count` equal loads.
    pub(super) fn divided_by(self, count: usize) -> Self {
        Self {
            threads: (self.threads / count).max(1),
            connections: self.connections / count,
        }
    }
}

/// The numbers after `RESULT`.
pub(super) fn parse_result<const N: usize>(output: &str) -> anyhow::Result<[u64; N]> {
    let line = output.lines().find_map(|line| line.strip_prefix("RESULT "));
    let numbers = line.context("there is no result")?.split(' ');
    let numbers: Vec<u64> = numbers.map(str::parse).collect::<Result<_, _>>()?;
    <[u64; N]>::try_from(numbers)
        .map_err(|_| anyhow::anyhow!("the result has another number of values"))
}

/// Runs a command and returns its standard output.
///
/// # Errors
/// When it fails; the message contains its output.
pub(super) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}
