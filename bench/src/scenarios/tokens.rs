//! What it costs that many tokens are in use.

use std::{path::Path, time::Duration};

use crate::{
    Bench,
    load::{Load, Turns},
    pair::Pair,
    sampler::{Meter, Sample, median, mib},
    scenario::{Column, Line, Part, Picture},
    scenarios::grouped,
    services::bearer_load,
};

pub(super) const PART: Part = Part {
    title: "Distinct tokens",
    about: "Bearer checks of so many tokens, each in turn. Both services remember up to 32,768 of them; beyond that a check is a call to \
            auth-service, and a verification there. CPU of both services; memory when all had their turn. `wrk` with one thread.",
    names: &[],
    columns: &[
        Column::new("CPU per check", "µs", 1),
        Column::new("checks/s", "", 0),
        Column::new("p99", "ms", 2),
        Column::new("web-service", "MiB", 0),
        Column::new("auth-service", "MiB", 0),
    ],
    picture: Picture::Curves(&[0]),
    measure,
};

const COUNTS: [u64; 4] = [1, 1_000, 10_000, 100_000];

fn measure(bench: &Bench) -> Vec<Line> {
    let line = |count| Line::measured(grouped(count), || distinct(bench, count));
    bench.counts(&COUNTS).into_iter().map(line).collect()
}

fn distinct(bench: &Bench, count: u64) -> anyhow::Result<Vec<f64>> {
    let pair = Pair::start(&bench.programs, false)?;
    let load = bearers(&pair, &pair.tokens(count)?, count);
    while load.had() < count {
        load.run(Duration::from_secs(1))?;
    }
    let meter = Meter {
        servers: vec![&pair.web.server, &pair.auth],
        redis: None,
    };
    let samples = meter.samples(&load, bench.timing())?;
    Ok(vec![
        median(&samples, |sample| sample.cpu_micros),
        median(&samples, Sample::rate),
        median(&samples, Sample::p99_millis),
        mib(pair.web.server.resident()),
        mib(pair.auth.resident()),
    ])
}

fn bearers(pair: &Pair, file: &Path, count: u64) -> Load {
    let turns = Turns::of(file.to_owned(), count);
    bearer_load(&pair.web.origin, "@").in_turn(turns)
}
