//! `cargo xtask bench`: what a check costs here, beside the floor and beside what one would take instead, and what grows with what.
//! Every answer is looked at: a row with one wrong answer has no figures.
#![expect(clippy::print_stdout, reason = "this is a command line")]

mod h2load;
mod http;
mod load;
mod pair;
mod peers;
mod plot;
mod process;
mod redis;
mod report;
mod sampler;
mod scenario;
mod scenarios;
mod services;
mod web;
mod wrk;

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use clap::Parser;
use xtask::{
    install::{self, BenchTools},
    workspace,
};

use self::{
    load::{Clients, Load},
    process::Server,
    report::Row,
    sampler::{Meter, Sample, WARM_UP},
    scenario::{Section, take_turns},
};

/// How `cargo xtask bench` can be changed.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Options {
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

    /// Every row.
    fn starts(&self) -> Vec<Start<'_>> {
        let peers = peers::all(&self.peers, &self.tools);
        peers
            .into_iter()
            .chain(services::all(&self.programs))
            .collect()
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

/// One that runs, and its resident memory before it was asked for anything.
struct Running {
    contender: Contender,
    idle_kib: u64,
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

/// Builds, starts, measures and writes the report.
fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let bench = Bench {
        tools: install::install_for_bench()?,
        programs: services::build()?,
        peers: peers::build()?,
        length: Duration::from_secs(options.seconds),
        runs: options.runs,
        most: options.most,
    };
    let mut starts = bench.starts();
    starts.retain(|start| start.name.contains(&options.only));
    let rows: Vec<Row> = Kind::ALL
        .iter()
        .flat_map(|kind| rows(*kind, &starts, &bench))
        .collect();
    let sections: Vec<Section> = scenarios::ALL
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

/// All of a kind, which run at the same time and are asked in turn.
fn rows(kind: Kind, starts: &[Start<'_>], bench: &Bench) -> Vec<Row> {
    println!("{}", kind.title());
    let of_kind = || starts.iter().filter(|start| start.kind == kind);
    let begun: Vec<anyhow::Result<Running>> = of_kind().map(begin).collect();
    let mut runners: Vec<_> = begun
        .iter()
        .map(|begun| || begun.as_ref().map_err(again)?.sample(bench.length))
        .collect();
    let samples = take_turns(bench.runs, &mut runners);
    let rows = of_kind().zip(&begun).zip(samples);
    rows.map(|((start, begun), samples)| row(start, begun, samples))
        .collect()
}

/// Starts it, and asks it for a while: that warms up connections, caches and compilers.
fn begin(start: &Start<'_>) -> anyhow::Result<Running> {
    println!("  {} starts", start.name);
    let contender = (start.begin)().context("it does not start")?;
    let idle_kib = contender.servers.iter().map(Server::resident).sum();
    contender.load.run(WARM_UP)?;
    Ok(Running {
        contender,
        idle_kib,
    })
}

/// The same error for somebody else.
fn again(error: &anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

fn row(
    start: &Start<'_>,
    begun: &anyhow::Result<Running>,
    samples: anyhow::Result<Vec<Sample>>,
) -> Row {
    let row = match (begun, samples) {
        (Ok(running), Ok(samples)) => running.row(&samples),
        // A failure is a result, too.
        (_, Err(error)) => Row::failed(start.name, start.kind, &error),
        (Err(error), Ok(_)) => Row::failed(start.name, start.kind, error),
    };
    println!("  {}: {row}", start.name);
    row
}

impl Running {
    /// The same, asked by others from now on.
    fn asked_by(mut self, clients: Clients) -> Self {
        self.contender.load = self.contender.load.by(clients);
        self
    }

    fn sample(&self, length: Duration) -> anyhow::Result<Sample> {
        let meter = Meter {
            servers: self.contender.servers.iter().collect(),
            redis: self.contender.redis,
        };
        meter.sample(|| self.contender.load.run(length))
    }

    fn row(&self, samples: &[Sample]) -> Row {
        let peak_kib = self.contender.servers.iter().map(Server::peak).sum();
        Row::of(&self.contender, samples, self.idle_kib, peak_kib)
    }
}

/// A new directory, for files that nobody needs after this run.
fn scratch() -> anyhow::Result<PathBuf> {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let all = workspace::target().join("bench");
    if number == 0 {
        let _ = fs::remove_dir_all(&all);
    }
    let directory = all.join(number.to_string());
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
