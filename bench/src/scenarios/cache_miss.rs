//! Tokens that nobody saw before.

use std::{net::TcpStream, path::PathBuf, process::Command, time::Duration};

use crate::{
    Bench, free_port,
    load::{Load, Turns},
    pair::{Pair, own_load},
    process::Server,
    sampler::Meter,
    scenario::{Column, Line, Part, Picture, Runner, compare, in_turn, or_failed},
};

const NAMES: [&str; 3] = [
    "bare tonic",
    "bare tonic, one Ed25519 verification",
    "Holdfast",
];

pub(super) const PART: Part = Part {
    title: "ValidateToken, cold tokens",
    about: "Another token each time, so that no memory helps: each of 100,000 in turn, 16 calls at once over 4 connections. The \
            floor is a bare tonic answer after one Ed25519 verification of 600 bytes. Holdfast finds out about the signature by \
            making it again (ADR 15); besides it parses, looks at times, audience and what ended, and remembers. CPU of the server.",
    names: &NAMES,
    columns: &[
        Column::new("CPU per call", "µs", 1),
        Column::new("calls/s", "", 0),
        Column::new("p50", "ms", 2),
        Column::new("p99", "ms", 2),
        Column::new("× floor", "", 2),
    ],
    picture: Picture::Bars(0),
    measure,
};

/// More than are remembered anywhere.
const TOKENS: u64 = 100_000;
const FLOOR: usize = 1;

fn measure(bench: &Bench) -> Vec<Line> {
    or_failed(lines(bench))
}

fn lines(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let pair = Pair::start(&bench.programs, false)?;
    let tokens = pair.tokens(TOKENS.min(bench.most))?;
    let (bare, bare_url) = peer(bench, "tonic")?;
    let (floor, floor_url) = peer(bench, "tonic-eddsa")?;
    let runner = |name, server, url| runner(bench, (name, server), url, tokens.clone());
    let mut lines = in_turn(
        bench.runs,
        vec![
            runner(NAMES[0], &bare, bare_url)?,
            runner(NAMES[1], &floor, floor_url)?,
            runner(NAMES[2], &pair.auth, pair.ground.auth_url())?,
        ],
    );
    compare(&mut lines, 0, FLOOR);
    Ok(lines)
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
        command: Box::new(move || own_load(&programs, "validate", &url)),
        turns: Turns::of(tokens, TOKENS),
    };
    load.run(Duration::from_secs(1))?;
    let meter = Meter {
        servers: vec![server],
        redis: None,
    };
    let run = move || Ok(meter.sample(|| load.run(bench.length))?.figures());
    Ok((name, Box::new(run)))
}
