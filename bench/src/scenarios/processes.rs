//! Several web-services on one Redis and one auth-service.

use std::{thread, time::Duration};

use anyhow::Context as _;

use crate::{
    Bench,
    generator::{Clients, LoadResult},
    load::Load,
    pair::Pair,
    sampler::{Sample, Sampler, median},
    scenario::{Chart, Column, Measurement, Scenario},
    services::cookie_load,
    web::Web,
};

pub(super) const SCENARIO: Scenario = Scenario {
    title: "Processes",
    about: "Cookie checks of one session, distributed over this number of web-services on one Redis and one auth-service, with 64 \
            connections in total. CPU of the web-services and Redis. All processes share the cores of one machine, so the figures show \
            whether a check costs more with several instances, not how far they scale.",
    names: &[],
    columns: &[
        Column::new("CPU per check", "µs", 1),
        Column::new("checks/s", "", 0),
        Column::new("p99", "ms", 2),
        Column::new("Redis commands per check", "", 4),
    ],
    chart: Chart::None,
    measure,
};

const COUNTS: [usize; 3] = [1, 2, 4];

fn measure(bench: &Bench) -> Vec<Measurement> {
    let row =
        |count: usize| Measurement::measured(count.to_string(), || side_by_side(bench, count));
    COUNTS.into_iter().map(row).collect()
}

fn side_by_side(bench: &Bench, count: usize) -> anyhow::Result<Vec<f64>> {
    let pair = Pair::start(&bench.programs, false)?;
    let others: Vec<Web> = (1..count)
        .map(|_| pair.fixture.another_web(&[]))
        .collect::<Result<_, _>>()?;
    let webs: Vec<_> = [&pair.web].into_iter().chain(&others).collect();
    let cookie = pair.cookie()?;
    let loads: Vec<_> = webs
        .iter()
        .map(|web| {
            cookie_load(&web.origin, &cookie).with_clients(Clients::saturating().divided_by(count))
        })
        .collect();
    let sampler = Sampler {
        servers: webs
            .iter()
            .map(|web| &web.server)
            .chain([pair.fixture.redis()])
            .collect(),
        redis: Some(pair.fixture.redis_port),
    };
    at_once(&loads, Duration::from_secs(1))?;
    let runs: Vec<Sample> = (0..bench.runs)
        .map(|_| sampler.sample(|| at_once(&loads, bench.length)))
        .collect::<Result<_, _>>()?;
    Ok(vec![
        median(&runs, |sample| sample.cpu_micros),
        median(&runs, Sample::rate),
        median(&runs, Sample::p99_millis),
        median(&runs, |sample| sample.redis_commands),
    ])
}

/// All of them together; of percentiles the worst.
fn at_once(loads: &[Load], length: Duration) -> anyhow::Result<LoadResult> {
    let answered: Vec<LoadResult> = thread::scope(|scope| {
        let running: Vec<_> = loads
            .iter()
            .map(|load| scope.spawn(|| load.run(length)))
            .collect();
        let ended = running.into_iter().map(|one| {
            let ended = one.join();
            ended.map_err(|_| anyhow::anyhow!("it panicked"))?
        });
        ended.collect::<anyhow::Result<_>>()
    })?;
    let together = answered.into_iter().reduce(|one, other| LoadResult {
        requests: one.requests + other.requests,
        took: one.took.max(other.took),
        p50: one.p50.max(other.p50),
        p99: one.p99.max(other.p99),
    });
    together.context("there is no load")
}
