//! Several web-services side by side.

use std::{thread, time::Duration};

use anyhow::Context as _;

use crate::{
    Bench,
    load::{Answered, Clients, Load},
    pair::Pair,
    sampler::{Meter, Sample, median},
    scenario::{Column, Line, Part, Picture},
    services::cookie_load,
    web::Web,
};

pub(super) const PART: Part = Part {
    title: "Processes",
    about: "Cookie checks of one session, spread over so many web-services on one Redis and one auth-service, 64 connections in all. \
            CPU of the web-services and Redis. All of it shares the cores of one machine: what is to be seen is whether a check costs \
            more where there are several, not how far they scale.",
    names: &[],
    columns: &[
        Column::new("CPU per check", "µs", 1),
        Column::new("checks/s", "", 0),
        Column::new("p99", "ms", 2),
        Column::new("Redis commands per check", "", 4),
    ],
    picture: Picture::None,
    measure,
};

const COUNTS: [usize; 3] = [1, 2, 4];

fn measure(bench: &Bench) -> Vec<Line> {
    let line = |count: usize| Line::measured(count.to_string(), || side_by_side(bench, count));
    COUNTS.into_iter().map(line).collect()
}

fn side_by_side(bench: &Bench, count: usize) -> anyhow::Result<Vec<f64>> {
    let pair = Pair::start(&bench.programs, false)?;
    let others: Vec<Web> = (1..count)
        .map(|_| pair.ground.another_web())
        .collect::<Result<_, _>>()?;
    let webs: Vec<_> = [&pair.web].into_iter().chain(&others).collect();
    let cookie = pair.cookie()?;
    let loads: Vec<_> = webs
        .iter()
        .map(|web| cookie_load(&web.origin, &cookie).by(Clients::hurried().shared(count)))
        .collect();
    let meter = Meter {
        servers: webs
            .iter()
            .map(|web| &web.server)
            .chain([pair.ground.redis()])
            .collect(),
        redis: Some(pair.ground.redis_port),
    };
    at_once(&loads, Duration::from_secs(1))?;
    let samples: Vec<Sample> = (0..bench.runs)
        .map(|_| meter.sample(|| at_once(&loads, bench.length)))
        .collect::<Result<_, _>>()?;
    Ok(vec![
        median(&samples, |sample| sample.cpu_micros),
        median(&samples, Sample::rate),
        median(&samples, Sample::p99_millis),
        median(&samples, |sample| sample.redis_commands),
    ])
}

/// All of them together; of percentiles the worst.
fn at_once(loads: &[Load], length: Duration) -> anyhow::Result<Answered> {
    let answered: Vec<Answered> = thread::scope(|scope| {
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
    let together = answered.into_iter().reduce(|one, other| Answered {
        requests: one.requests + other.requests,
        took: one.took.max(other.took),
        p50: one.p50.max(other.p50),
        p99: one.p99.max(other.p99),
    });
    together.context("there is no load")
}
