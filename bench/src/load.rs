//! Load on a server, whose generator verifies each response.

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use crate::{
    cores,
    h2load::{self, Pace},
    wrk,
};

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

/// Requests, with their expected response.
pub(super) enum Load {
    /// HTTP requests by `wrk`.
    Http {
        url: String,
        /// Header lines, such as `Cookie: a=b`.
        headers: String,
        /// Lines that replace the `@` in the headers.
        cursor: Option<LineCursor>,
        /// Text that each response must contain, besides status 200.
        body: &'static str,
        clients: Clients,
    },
    /// gRPC calls by `h2load`.
    Grpc {
        url: String,
        /// A file with the framed message.
        message: PathBuf,
        pace: Pace,
    },
    /// `ValidateToken` calls by the program `load`, with a different token each time.
    Tokens {
        command: LoadCommand,
        cursor: LineCursor,
    },
}

/// Creates the command of the program `load`, without its duration.
pub(super) type LoadCommand = Box<dyn Fn() -> Command + Send + Sync>;

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

impl Load {
    /// Replaces the `@` in the headers by lines of a file.
    pub(super) fn with_lines(self, lines: LineCursor) -> Self {
        let mut load = self;
        if let Self::Http {
            cursor, clients, ..
        } = &mut load
        {
            *cursor = Some(lines);
            // Threads of wrk share no cursor.
            clients.threads = 1;
        }
        load
    }

    /// Replaces the number of threads and connections.
    pub(super) fn with_clients(self, replacement: Clients) -> Self {
        let mut load = self;
        if let Self::Http { clients, .. } = &mut load {
            *clients = replacement;
        }
        load
    }

    /// The number of lines that were used so far.
    pub(super) fn used_lines(&self) -> u64 {
        match self {
            Self::Http { cursor, .. } => cursor.as_ref().map_or(0, LineCursor::used),
            Self::Tokens { cursor, .. } => cursor.used(),
            Self::Grpc { .. } => 0,
        }
    }

    /// Generates the load for `length`.
    ///
    /// # Errors
    /// When a response is wrong or missing.
    pub(super) fn run(&self, length: Duration) -> anyhow::Result<LoadResult> {
        match self {
            Self::Http {
                url,
                headers,
                cursor,
                body,
                clients,
            } => {
                let mut command = wrk::command(*clients, length, cursor.as_ref());
                command.env("BENCH_HEADERS", headers).arg(url);
                let result = wrk::run(command.env("BENCH_BODY", body))?;
                if let Some(cursor) = cursor {
                    cursor.advance(result.requests);
                }
                Ok(result)
            }
            Self::Grpc { url, message, pace } => h2load::run(url, message, *pace, length),
            Self::Tokens { command, cursor } => {
                let mut command = command();
                command
                    .args(["--seconds", &length.as_secs().to_string()])
                    .args(["--skip", &cursor.used().to_string()])
                    .arg("--tokens")
                    .arg(&cursor.file);
                let result = run_load_program(&mut command)?;
                cursor.advance(result.requests);
                Ok(result)
            }
        }
    }
}

/// Runs the program `load`, which prints `RESULT COUNT ELAPSED P50 P99`.
fn run_load_program(command: &mut Command) -> anyhow::Result<LoadResult> {
    let [requests, took, p50, p99] = parse_result(&output(command)?)?;
    Ok(LoadResult {
        requests,
        took: Duration::from_micros(took),
        p50: Duration::from_micros(p50),
        p99: Duration::from_micros(p99),
    })
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
