//! Load, whose maker looks at each answer.

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

/// What was answered in a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) requests: u64,
    pub(super) took: Duration,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

/// Lines of a file that take turns, from one run to the next.
pub(super) struct Turns {
    pub(super) file: PathBuf,
    /// How many of its lines, at most.
    pub(super) lines: u64,
    had: AtomicU64,
}

impl Turns {
    pub(super) const fn of(file: PathBuf, lines: u64) -> Self {
        Self {
            file,
            lines,
            had: AtomicU64::new(0),
        }
    }

    /// How many turns there were.
    pub(super) fn had(&self) -> u64 {
        self.had.load(Ordering::Relaxed)
    }

    pub(super) fn note(&self, turns: u64) {
        self.had.fetch_add(turns, Ordering::Relaxed);
    }
}

/// What is asked, and what has to be answered.
pub(super) enum Load {
    /// With `wrk`.
    Http {
        url: String,
        /// Such as `Cookie: a=b`.
        headers: String,
        /// What takes the place of the `@` in the headers.
        turns: Option<Turns>,
        /// What each answer has to contain, besides the status 200.
        body: &'static str,
        clients: Clients,
    },
    /// With `h2load`.
    Grpc {
        url: String,
        /// A file that holds the framed message.
        message: PathBuf,
        pace: Pace,
    },
    /// `ValidateToken` with a program of our own, another token each time.
    Tokens { command: OwnLoad, turns: Turns },
}

/// The program of our own, and its arguments but for how long.
pub(super) type OwnLoad = Box<dyn Fn() -> Command + Send + Sync>;

/// Who asks over HTTP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clients {
    pub(super) threads: usize,
    pub(super) connections: usize,
}

impl Clients {
    /// More than servers can answer that share the cores with them.
    pub(super) fn hurried() -> Self {
        Self {
            threads: cores(),
            connections: 64,
        }
    }

    /// One core's, so that the servers wait for them now and then.
    pub(super) const fn leisurely() -> Self {
        Self {
            threads: 1,
            connections: 16,
        }
    }

    /// Those of one of so many parts.
    pub(super) fn shared(self, parts: usize) -> Self {
        Self {
            threads: (self.threads / parts).max(1),
            connections: self.connections / parts,
        }
    }
}

impl Load {
    /// The same, where lines of a file take turns in the place of the `@`.
    pub(super) fn in_turn(self, lines: Turns) -> Self {
        let mut load = self;
        if let Self::Http { turns, clients, .. } = &mut load {
            *turns = Some(lines);
            // Threads would not know of each other's turns.
            clients.threads = 1;
        }
        load
    }

    /// The same, asked by others.
    pub(super) fn by(self, others: Clients) -> Self {
        let mut load = self;
        if let Self::Http { clients, .. } = &mut load {
            *clients = others;
        }
        load
    }

    /// How many turns there were.
    pub(super) fn had(&self) -> u64 {
        match self {
            Self::Http { turns, .. } => turns.as_ref().map_or(0, Turns::had),
            Self::Tokens { turns, .. } => turns.had(),
            Self::Grpc { .. } => 0,
        }
    }

    pub(super) fn run(&self, length: Duration) -> anyhow::Result<Answered> {
        match self {
            Self::Http {
                url,
                headers,
                turns,
                body,
                clients,
            } => {
                let mut command = wrk::command(*clients, length, turns.as_ref());
                command.env("BENCH_HEADERS", headers).arg(url);
                let answered = wrk::run(command.env("BENCH_BODY", body))?;
                if let Some(turns) = turns {
                    turns.note(answered.requests);
                }
                Ok(answered)
            }
            Self::Grpc { url, message, pace } => h2load::run(url, message, *pace, length),
            Self::Tokens { command, turns } => {
                let mut command = command();
                command
                    .args(["--seconds", &length.as_secs().to_string()])
                    .args(["--skip", &turns.had().to_string()])
                    .arg("--tokens")
                    .arg(&turns.file);
                let answered = answered(&mut command)?;
                turns.note(answered.requests);
                Ok(answered)
            }
        }
    }
}

/// What a program of our own says: `RESULT COUNT ELAPSED P50 P99`.
pub(super) fn answered(command: &mut Command) -> anyhow::Result<Answered> {
    let [requests, took, p50, p99] = result(&output(command)?)?;
    Ok(Answered {
        requests,
        took: Duration::from_micros(took),
        p50: Duration::from_micros(p50),
        p99: Duration::from_micros(p99),
    })
}

/// The numbers after `RESULT`.
pub(super) fn result<const N: usize>(said: &str) -> anyhow::Result<[u64; N]> {
    let line = said.lines().find_map(|line| line.strip_prefix("RESULT "));
    let numbers = line.context("there is no result")?.split(' ');
    let numbers: Vec<u64> = numbers.map(str::parse).collect::<Result<_, _>>()?;
    <[u64; N]>::try_from(numbers).map_err(|_| anyhow::anyhow!("the result is of another form"))
}

/// What a program says that has to succeed.
pub(super) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(said)
}
