//! `cargo xtask bench`: what a check costs here, beside the floor and beside what one would take instead, and what grows with what.
//! Every answer is looked at: a row with one wrong answer has no figures.

mod h2load;
mod http;
mod load;
mod meter;
mod pair;
mod parts;
mod peers;
mod plot;
mod process;
mod redis;
mod report;
mod section;
mod services;
mod web;
mod wrk;

use std::{fs, net::TcpListener, path::PathBuf, thread, time::Duration};

use anyhow::Context as _;
use clap::Args;

use self::{load::Load, meter::Meter, process::Server, report::Row, section::Section};
use crate::{
    install::{self, BenchTools},
    workspace,
};

/// How `cargo xtask bench` can be changed.
#[derive(Args)]
pub(crate) struct Options {
    /// How long each run of a row takes, in seconds
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How often each row is run; the median counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only rows whose name, and sections whose title or one of whose lines contains this
    #[arg(long, default_value = "")]
    only: String,
    /// The most of anything there is: sessions, revocations, tokens, watchers
    #[arg(long, default_value_t = 1_000_000)]
    most: u64,
    /// Where results are written
    #[arg(long, default_value = "docs/benchmarks")]
    out: PathBuf,
}

/// What is measured with, and how much.
struct Bench {
    programs: PathBuf,
    peers: PathBuf,
    tools: BenchTools,
    length: Duration,
    runs: usize,
    most: u64,
}

impl Bench {
    const fn timing(&self) -> (Duration, usize) {
        (self.length, self.runs)
    }

    /// Those of them that are not too many.
    fn counts(&self, counts: &[u64]) -> Vec<u64> {
        let counts = counts.iter().copied();
        counts.filter(|count| *count <= self.most).collect()
    }
}

/// Something that is measured: who serves it, and what is asked.
struct Contender {
    name: String,
    /// What it is compared with.
    kind: Kind,
    servers: Vec<Server>,
    /// What has to be there and is not part of it.
    #[expect(dead_code, reason = "they end with it")]
    beside: Vec<Server>,
    redis: Option<u16>,
    load: Load,
}

/// Which rows belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Who a cookie belongs to.
    Cookie,
    /// Who a bearer token belongs to.
    Bearer,
    /// `ValidateToken` over gRPC.
    Grpc,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Cookie, Self::Bearer, Self::Grpc];

    const fn title(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Bearer => "bearer",
            Self::Grpc => "ValidateToken",
        }
    }

    /// The row that the others of its kind are compared with.
    const fn floor(self) -> &'static str {
        match self {
            Self::Cookie | Self::Bearer => "bare axum",
            Self::Grpc => "bare tonic",
        }
    }
}

/// Builds, starts, measures and writes down.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let bench = Bench {
        tools: install::install_for_bench()?,
        programs: services::build()?,
        peers: peers::build()?,
        length: Duration::from_secs(options.seconds),
        runs: options.runs,
        most: options.most,
    };
    let starts = peers::all(&bench.peers, &bench.tools)
        .into_iter()
        .chain(services::all(&bench.programs));
    let rows: Vec<Row> = starts
        .filter(|start| start.name.contains(&options.only))
        .map(|start| row(&start, &bench))
        .collect();
    let sections: Vec<Section> = parts::ALL
        .iter()
        .filter(|part| part.is_about(&options.only))
        .map(|part| part.run(&bench))
        .collect();
    report::write(&workspace::root().join(&options.out), &rows, &sections)
}

/// A row that is not started yet.
struct Start<'a> {
    name: &'static str,
    kind: Kind,
    begin: Box<dyn Fn() -> anyhow::Result<Contender> + 'a>,
}

fn row(start: &Start<'_>, bench: &Bench) -> Row {
    println!("{}", start.name);
    let begun = (start.begin)().context("it does not start");
    let measured = begun.and_then(|contender| measure(&contender, bench));
    // A failure is a result, too.
    let row = measured.unwrap_or_else(|error| Row::failed(start.name, start.kind, &error));
    println!("{row}");
    row
}

fn measure(contender: &Contender, bench: &Bench) -> anyhow::Result<Row> {
    let idle = contender.servers.iter().map(Server::resident).sum();
    let meter = Meter {
        servers: contender.servers.iter().collect(),
        redis: contender.redis,
    };
    let samples = meter.samples(&contender.load, bench.timing())?;
    let peak = contender.servers.iter().map(Server::peak).sum();
    Ok(Row::of(contender, &samples, idle, peak))
}

/// A directory for files that nobody needs afterwards.
fn scratch() -> anyhow::Result<PathBuf> {
    let directory = workspace::root().join("target/bench");
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
