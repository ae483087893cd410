//! Load on a server, whose generator verifies each response.

use std::{path::PathBuf, process::Command, time::Duration};

use crate::{
    generator::{Clients, LineCursor, LoadResult, output, parse_result},
    h2load::{self, Pace},
    wrk,
};

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
pub(super) fn run_load_program(command: &mut Command) -> anyhow::Result<LoadResult> {
    let [requests, took, p50, p99] = parse_result(&output(command)?)?;
    Ok(LoadResult {
        requests,
        took: Duration::from_micros(took),
        p50: Duration::from_micros(p50),
        p99: Duration::from_micros(p99),
    })
}
