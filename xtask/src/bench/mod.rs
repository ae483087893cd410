//! `cargo xtask bench`: what a check costs here, beside the floor and beside what one would take instead. Every answer is looked
//! at: a row with one wrong answer has no figures.

mod load;
mod peers;
mod process;
mod report;
mod section;
mod services;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;

use self::{
    load::{Load, Sample},
    process::Server,
    report::Row,
    section::Section,
};
use crate::{install, workspace};

/// How `cargo xtask bench` can be changed.
#[derive(Args)]
pub(crate) struct Options {
    /// How long each run of a row takes, in seconds
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How often each row is run; the median counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only rows whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Where results are written
    #[arg(long, default_value = "docs/benchmarks")]
    out: PathBuf,
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
    let tools = install::install_for_bench()?;
    let programs = services::build()?;
    let peers = peers::build()?;
    let length = Duration::from_secs(options.seconds);
    let mut rows = Vec::new();
    let starts = peers::all(&peers, &tools)
        .into_iter()
        .chain(services::all(&programs));
    for start in starts {
        if !start.name.contains(&options.only) {
            continue;
        }
        println!("{}", start.name);
        let begun = (start.begin)().context("it does not start");
        let measured = begun.and_then(|contender| measure(&contender, length, options.runs));
        match measured {
            Ok(row) => {
                println!("{row}");
                rows.push(row);
            }
            // A failure is a result, too.
            Err(error) => rows.push(Row::failed(start.name, start.kind, &error)),
        }
    }
    let sections: Vec<Section> = Vec::new();
    report::write(&workspace::root().join(&options.out), &rows, &sections)
}

/// A row that is not started yet.
struct Start<'a> {
    name: &'static str,
    kind: Kind,
    begin: Box<dyn Fn() -> anyhow::Result<Contender> + 'a>,
}

fn measure(contender: &Contender, length: Duration, runs: usize) -> anyhow::Result<Row> {
    let idle = contender.servers.iter().map(Server::resident).sum();
    // Connections, caches and compilers get warm.
    contender.load.run(Duration::from_secs(1))?;
    let mut samples = Vec::new();
    for _ in 0..runs {
        samples.push(sample(contender, length)?);
    }
    let peak = contender.servers.iter().map(Server::peak).sum();
    Ok(Row::of(contender, &mut samples, idle, peak))
}

fn sample(contender: &Contender, length: Duration) -> anyhow::Result<Sample> {
    let cpu = || contender.servers.iter().map(Server::cpu).sum::<Duration>();
    let commands = || contender.redis.map_or(Ok(0), services::redis_commands);
    let (cpu_before, commands_before) = (cpu(), commands()?);
    let answered = contender.load.run(length)?;
    let requests = answered.requests.max(1);
    #[expect(clippy::cast_precision_loss, reason = "these are for people")]
    Ok(Sample {
        cpu_micros: cpu().saturating_sub(cpu_before).as_secs_f64() * 1e6 / requests as f64,
        redis_commands: (commands()? - commands_before) as f64 / requests as f64,
        answered,
    })
}
