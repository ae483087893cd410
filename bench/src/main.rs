//! `cargo xtask bench`: the cost of checks, beside a bare handler and alternatives, and how it grows. The content of every response
//! is verified: a row with one wrong response has no figures.
#![expect(clippy::print_stdout, reason = "this is a command line")]

mod fixture;
mod generator;
mod h2load;
mod http;
mod instances;
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
    generator::Clients,
    load::Load,
    process::Server,
    report::Row,
    sampler::{Sample, Sampler, WARM_UP},
    scenario::{ScenarioReport, run_interleaved},
};

/// Options of `cargo xtask bench`.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Options {
    /// Duration of each run of a row, in seconds
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Number of runs of each row; the result is the median
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only rows whose name, and scenarios whose title or one of whose rows contains this text
    #[arg(long, default_value = "")]
    only: String,
    /// Upper limit of every count: sessions, revocations, tokens, watchers
    #[arg(long, default_value_t = 1_000_000)]
    max_count: u64,
    /// Directory for the results
    #[arg(long, default_value = "docs/benchmarks")]
    out: PathBuf,
}

/// The built programs, and the extent of the measurements.
struct Bench {
    programs: PathBuf,
    peers: PathBuf,
    tools: BenchTools,
    length: Duration,
    runs: usize,
    max_count: u64,
}

impl Bench {
    const fn timing(&self) -> (Duration, usize) {
        (self.length, self.runs)
    }

    /// The specifications of all rows: alternatives first.
    fn specs(&self) -> Vec<ContenderSpec<'_>> {
        let peers = peers::all(&self.peers, &self.tools);
        peers
            .into_iter()
            .chain(services::all(&self.programs))
            .collect()
    }

    /// The counts that do not exceed `--max-count`.
    fn counts(&self, counts: &[u64]) -> Vec<u64> {
        let counts = counts.iter().copied();
        counts.filter(|count| *count <= self.max_count).collect()
    }
}

/// A running system under test, with its load.
struct Contender {
    name: String,
    /// The group of rows in which it is compared.
    kind: Kind,
    servers: Vec<Server>,
    /// Servers that it needs and whose CPU time does not count.
    #[expect(dead_code, reason = "dropped with it, which stops them")]
    background: Vec<Server>,
    redis: Option<u16>,
    load: Load,
}

/// A contender after its warm-up, with its resident memory before the first request.
struct Running {
    contender: Contender,
    idle_kib: u64,
}

/// A group of rows that are compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Checks of a session cookie.
    Cookie,
    /// Checks of a bearer token.
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

    /// The row that the others of its kind are compared with: a handler without a check.
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
        max_count: options.max_count,
    };
    let mut specs = bench.specs();
    specs.retain(|spec| spec.name.contains(&options.only));
    let rows: Vec<Row> = Kind::ALL
        .iter()
        .flat_map(|kind| rows(*kind, &specs, &bench))
        .collect();
    let reports: Vec<ScenarioReport> = scenarios::ALL
        .iter()
        .filter(|scenario| scenario.matches(&options.only))
        .map(|scenario| scenario.run(&bench))
        .collect();
    report::write(&workspace::root().join(&options.out), &rows, &reports)
}

/// A contender that is not started yet.
struct ContenderSpec<'a> {
    name: &'static str,
    kind: Kind,
    start: Box<dyn Fn() -> anyhow::Result<Contender> + 'a>,
}

/// Measures all contenders of a kind: they run at the same time, and their runs are interleaved.
fn rows(kind: Kind, specs: &[ContenderSpec<'_>], bench: &Bench) -> Vec<Row> {
    println!("{}", kind.title());
    let of_kind = || specs.iter().filter(|spec| spec.kind == kind);
    let launched: Vec<anyhow::Result<Running>> = of_kind().map(launch).collect();
    let mut runners: Vec<_> = launched
        .iter()
        .map(|launched| || launched.as_ref().map_err(copy_error)?.sample(bench.length))
        .collect();
    let samples = run_interleaved(bench.runs, &mut runners);
    let rows = of_kind().zip(&launched).zip(samples);
    rows.map(|((spec, launched), samples)| row(spec, launched, samples))
        .collect()
}

/// Starts a contender and runs its load for [`WARM_UP`], which warms up connections, caches and just-in-time compilers.
fn launch(spec: &ContenderSpec<'_>) -> anyhow::Result<Running> {
    println!("  starting {}", spec.name);
    let contender = (spec.start)().context("it does not start")?;
    let idle_kib = contender.servers.iter().map(Server::resident).sum();
    contender.load.run(WARM_UP)?;
    Ok(Running {
        contender,
        idle_kib,
    })
}

/// A copy of an error, as text.
fn copy_error(error: &anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

fn row(
    spec: &ContenderSpec<'_>,
    launched: &anyhow::Result<Running>,
    samples: anyhow::Result<Vec<Sample>>,
) -> Row {
    let row = match (launched, samples) {
        (Ok(running), Ok(samples)) => running.row(&samples),
        // A failure is a result, too.
        (_, Err(error)) => Row::failed(spec.name, spec.kind, &error),
        (Err(error), Ok(_)) => Row::failed(spec.name, spec.kind, error),
    };
    println!("  {}: {row}", spec.name);
    row
}

impl Running {
    /// Replaces the number of threads and connections of the load.
    fn with_clients(mut self, clients: Clients) -> Self {
        self.contender.load = self.contender.load.with_clients(clients);
        self
    }

    fn sample(&self, length: Duration) -> anyhow::Result<Sample> {
        let sampler = Sampler {
            servers: self.contender.servers.iter().collect(),
            redis: self.contender.redis,
        };
        sampler.sample(|| self.contender.load.run(length))
    }

    fn row(&self, samples: &[Sample]) -> Row {
        let peak_kib = self.contender.servers.iter().map(Server::peak).sum();
        Row::new(&self.contender, samples, self.idle_kib, peak_kib)
    }
}

/// Creates a directory for temporary files of this run.
fn scratch_directory() -> anyhow::Result<PathBuf> {
    static CREATED: AtomicUsize = AtomicUsize::new(0);
    let number = CREATED.fetch_add(1, Ordering::Relaxed);
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
