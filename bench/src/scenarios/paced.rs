//! Checks with a load below the capacity of the servers.

use crate::{
    Bench, Kind, Running,
    generator::Clients,
    launch,
    scenario::{
        Chart, Column, Measurement, Runner, Scenario, add_ratios, measure_interleaved, or_failed,
    },
};

const NAMES: [&str; 4] = [
    "bare axum",
    "axum, jsonwebtoken, HS256",
    "Holdfast, cookie",
    "Holdfast, bearer",
];

pub(super) const SCENARIO: Scenario = Scenario {
    title: "Checks, clients of one core",
    about: "Some of the checks above, with a load by `wrk` with one thread and 16 connections. It verifies each response, which takes it \
            about as long as the servers take to respond. So the threads of the servers sleep between requests, and the cost of waking \
            them is a considerable part of the figure: it differs between machines, and most from run to run.",
    names: &NAMES,
    columns: &[
        Column::new("CPU per check", "µs", 1),
        Column::new("checks/s", "", 0),
        Column::new("p50", "ms", 2),
        Column::new("p99", "ms", 2),
        Column::new("× floor", "", 2),
    ],
    chart: Chart::Bars(0),
    measure,
};

fn measure(bench: &Bench) -> Vec<Measurement> {
    or_failed(rows(bench))
}

fn rows(bench: &Bench) -> anyhow::Result<Vec<Measurement>> {
    let mut specs = bench.specs();
    // The floor exists once for each kind, with the same handler.
    specs.retain(|spec| {
        NAMES.contains(&spec.name) && (spec.name, spec.kind) != (NAMES[0], Kind::Cookie)
    });
    specs.sort_by_key(|spec| NAMES.iter().position(|name| *name == spec.name));
    let running: Vec<Running> = specs
        .iter()
        .map(|spec| Ok(launch(spec)?.with_clients(Clients::one_core())))
        .collect::<anyhow::Result<_>>()?;
    let runners = specs.iter().zip(&running);
    let runners = runners.map(|(spec, running)| runner(spec.name, running, bench));
    let mut rows = measure_interleaved(bench.runs, runners.collect());
    add_ratios(&mut rows, 0, 0);
    Ok(rows)
}

fn runner<'a>(name: &'static str, running: &'a Running, bench: &'a Bench) -> Runner<'a> {
    let run = || Ok(running.sample(bench.length)?.figures());
    (name, Box::new(run))
}
