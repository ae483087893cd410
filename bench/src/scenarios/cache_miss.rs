//! `ValidateToken` with tokens that no cache contains.

use std::{net::TcpStream, path::PathBuf, process::Command, time::Duration};

use crate::{
    Bench,
    fixture::load_program,
    free_port,
    generator::LineCursor,
    load::Load,
    pair::Pair,
    process::Server,
    sampler::Sampler,
    scenario::{
        Chart, Column, Measurement, Runner, Scenario, add_ratios, measure_interleaved, or_failed,
    },
};

const NAMES: [&str; 3] = [
    "bare tonic",
    "bare tonic, one Ed25519 verification",
    "Holdfast",
];

pub(super) const SCENARIO: Scenario = Scenario {
    title: "ValidateToken, uncached tokens",
    about: "A different token in each call, so that no cache contains it: 100,000 tokens in turn, 16 concurrent calls over 4 \
            connections. The floor is a bare tonic response after one Ed25519 verification of 600 bytes. Holdfast verifies the \
            signature by making it again (ADR 15); besides, it parses the token, checks times, audience and revocations, and caches \
            the result. CPU of the server.",
    names: &NAMES,
    columns: &[
        Column::new("CPU per call", "µs", 1),
        Column::new("calls/s", "", 0),
        Column::new("p50", "ms", 2),
        Column::new("p99", "ms", 2),
        Column::new("× floor", "", 2),
    ],
    chart: Chart::Bars(0),
    measure,
};

/// More than any cache holds.
const TOKENS: u64 = 100_000;
const FLOOR: usize = 1;

fn measure(bench: &Bench) -> Vec<Measurement> {
    or_failed(rows(bench))
}

fn rows(bench: &Bench) -> anyhow::Result<Vec<Measurement>> {
    let pair = Pair::start(&bench.programs, false)?;
    let tokens = pair.tokens(TOKENS.min(bench.max_count))?;
    let (bare, bare_url) = peer(bench, "tonic")?;
    let (floor, floor_url) = peer(bench, "tonic-eddsa")?;
    let runner = |name, server, url| runner(bench, (name, server), url, tokens.clone());
    let mut rows = measure_interleaved(
        bench.runs,
        vec![
            runner(NAMES[0], &bare, bare_url)?,
            runner(NAMES[1], &floor, floor_url)?,
            runner(NAMES[2], &pair.auth, pair.fixture.auth_url())?,
        ],
    );
    add_ratios(&mut rows, 0, FLOOR);
    Ok(rows)
}

fn peer(bench: &Bench, mode: &str) -> anyhow::Result<(Server, String)> {
    let port = free_port()?;
    let mut command = Command::new(&bench.peers);
    command.arg(mode).env("PORT", port.to_string());
    let is_ready = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    let server = Server::start(&mut command, is_ready)?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}

fn runner<'a>(
    bench: &'a Bench,
    (name, server): (&'static str, &'a Server),
    url: String,
    tokens: PathBuf,
) -> anyhow::Result<Runner<'a>> {
    let programs = bench.programs.clone();
    let load = Load::Tokens {
        command: Box::new(move || load_program(&programs, "validate", &url)),
        cursor: LineCursor::new(tokens, TOKENS),
    };
    load.run(Duration::from_secs(1))?;
    let sampler = Sampler {
        servers: vec![server],
        redis: None,
    };
    let run = move || Ok(sampler.sample(|| load.run(bench.length))?.figures());
    Ok((name, Box::new(run)))
}
