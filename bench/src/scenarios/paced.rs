//! The same checks, where the servers wait for their clients.

use crate::{
    Bench, Kind, Running, begin,
    load::Clients,
    scenario::{Column, Line, Part, Picture, Runner, compare, in_turn, or_failed},
};

const NAMES: [&str; 4] = [
    "bare axum",
    "axum, jsonwebtoken, HS256",
    "Holdfast, cookie",
    "Holdfast, bearer",
];

pub(super) const PART: Part = Part {
    title: "Checks, clients of one core",
    about: "Some of the checks above, asked by `wrk` with one thread and 16 connections. It looks at each answer, which takes it about as \
            long as the servers take to answer. So their threads fall asleep between requests, and what waking up costs is a good part of \
            the figure: it differs with the machine, and most from run to run.",
    names: &NAMES,
    columns: &[
        Column::new("CPU per check", "µs", 1),
        Column::new("checks/s", "", 0),
        Column::new("p50", "ms", 2),
        Column::new("p99", "ms", 2),
        Column::new("× floor", "", 2),
    ],
    picture: Picture::Bars(0),
    measure,
};

fn measure(bench: &Bench) -> Vec<Line> {
    or_failed(lines(bench))
}

fn lines(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let mut starts = bench.starts();
    // The floor is there once for each kind, and is the same.
    starts.retain(|start| {
        NAMES.contains(&start.name) && (start.name, start.kind) != (NAMES[0], Kind::Cookie)
    });
    starts.sort_by_key(|start| NAMES.iter().position(|name| *name == start.name));
    let running: Vec<Running> = starts
        .iter()
        .map(|start| Ok(begin(start)?.asked_by(Clients::leisurely())))
        .collect::<anyhow::Result<_>>()?;
    let runners = starts.iter().zip(&running);
    let runners = runners.map(|(start, running)| runner(start.name, running, bench));
    let mut lines = in_turn(bench.runs, runners.collect());
    compare(&mut lines, 0, 0);
    Ok(lines)
}

fn runner<'a>(name: &'static str, running: &'a Running, bench: &'a Bench) -> Runner<'a> {
    let run = || Ok(running.sample(bench.length)?.figures());
    (name, Box::new(run))
}
