//! Latency of checks during sign-ins.

use std::{thread, time::Duration};

use crate::{
    Bench,
    h2load::Pace,
    load::Load,
    pair::Pair,
    sampler::real,
    scenario::{Chart, Column, Measurement, Scenario, add_ratios, measure_interleaved, or_failed},
    scenarios::logins,
    services::validate_load,
};

const NAMES: [&str; 2] = ["idle", "64 clients sign in"];

pub(super) const SCENARIO: Scenario = Scenario {
    title: "ValidateToken beside logins",
    about: "One cached token, validated 400 times a second, without other load and while 64 clients sign in without a pause. \
            Load and server share the cores. Runs take at least six seconds.",
    names: &NAMES,
    columns: &[
        Column::new("calls/s", "", 0),
        Column::new("p50", "ms", 2),
        Column::new("p99", "ms", 2),
        Column::new("logins/s", "", 1),
        Column::new("p99, × idle", "", 2),
    ],
    chart: Chart::None,
    measure,
};

const PACE: Pace = Pace::Rate(400);
const P99: usize = 2;

/// With 400 calls a second, p99 depends on the slowest four of each second, so a run has to contain several seconds.
const MIN_LENGTH: Duration = Duration::from_secs(6);

/// How long before a run the sign-ins start, and how long after it they stop.
const LEAD: Duration = Duration::from_secs(1);

fn measure(bench: &Bench) -> Vec<Measurement> {
    or_failed(rows(bench))
}

fn rows(bench: &Bench) -> anyhow::Result<Vec<Measurement>> {
    let pair = Pair::start(&bench.programs, false)?;
    pair.fixture.add_load_users(logins::CLIENTS)?;
    let load = validate_load(&pair.fixture.auth_url(), &pair.web.token()?, PACE)?;
    load.run(Duration::from_secs(1))?;
    let length = bench.length.max(MIN_LENGTH);
    let idle = || calls(&load, length, 0.0);
    let contended = || {
        thread::scope(|scope| {
            let logins = scope.spawn(|| logins::sign_in(&pair.fixture, length + 2 * LEAD));
            thread::sleep(LEAD);
            let figures = calls(&load, length, 0.0);
            let logins = logins.join();
            let (logins, _) = logins.map_err(|_| anyhow::anyhow!("the clients panicked"))??;
            let mut figures = figures?;
            if let Some(rate) = figures.last_mut() {
                *rate = real(logins.requests) / logins.took.as_secs_f64();
            }
            Ok(figures)
        })
    };
    let mut rows = measure_interleaved(
        bench.runs,
        vec![(NAMES[0], Box::new(idle)), (NAMES[1], Box::new(contended))],
    );
    add_ratios(&mut rows, P99, 0);
    Ok(rows)
}

fn calls(load: &Load, length: Duration, logins: f64) -> anyhow::Result<Vec<f64>> {
    let result = load.run(length)?;
    Ok(vec![
        real(result.requests) / result.took.as_secs_f64(),
        result.p50.as_secs_f64() * 1e3,
        result.p99.as_secs_f64() * 1e3,
        logins,
    ])
}
