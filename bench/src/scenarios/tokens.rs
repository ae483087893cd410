//! CPU time and memory with many distinct tokens.

use std::{path::Path, time::Duration};

use crate::{
    Bench,
    generator::LineCursor,
    load::Load,
    pair::Pair,
    sampler::{Sample, Sampler, median, mib},
    scenario::{Chart, Column, Measurement, Scenario},
    scenarios::grouped,
    services::bearer_load,
};

pub(super) const SCENARIO: Scenario = Scenario {
    title: "Distinct tokens",
    about: "Bearer checks of this number of tokens in turn. Both services cache up to 32,768 tokens; beyond that, each check is a call \
            to auth-service and a verification there. CPU of both services; memory after each token was used. `wrk` with one thread.",
    names: &[],
    columns: &[
        Column::new("CPU per check", "µs", 1),
        Column::new("checks/s", "", 0),
        Column::new("p99", "ms", 2),
        Column::new("web-service", "MiB", 0),
        Column::new("auth-service", "MiB", 0),
    ],
    chart: Chart::Curves(&[0]),
    measure,
};

const COUNTS: [u64; 4] = [1, 1_000, 10_000, 100_000];

fn measure(bench: &Bench) -> Vec<Measurement> {
    let row = |count| Measurement::measured(grouped(count), || distinct(bench, count));
    bench.counts(&COUNTS).into_iter().map(row).collect()
}

fn distinct(bench: &Bench, count: u64) -> anyhow::Result<Vec<f64>> {
    let pair = Pair::start(&bench.programs, false)?;
    let load = bearers(&pair, &pair.tokens(count)?, count);
    while load.used_lines() < count {
        load.run(Duration::from_secs(1))?;
    }
    let sampler = Sampler {
        servers: vec![&pair.web.server, &pair.auth],
        redis: None,
    };
    let runs = sampler.samples(&load, bench.timing())?;
    Ok(vec![
        median(&runs, |sample| sample.cpu_micros),
        median(&runs, Sample::rate),
        median(&runs, Sample::p99_millis),
        mib(pair.web.server.resident()),
        mib(pair.auth.resident()),
    ])
}

fn bearers(pair: &Pair, file: &Path, count: u64) -> Load {
    let lines = LineCursor::new(file.to_owned(), count);
    bearer_load(&pair.web.origin, "@").with_lines(lines)
}
