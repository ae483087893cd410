//! Start time and idle memory of both services.

use std::{thread, time::Duration};

use crate::{
    Bench,
    fixture::Fixture,
    process::PAUSE,
    sampler::{medians, mib},
    scenario::{Chart, Column, Measurement, Scenario, or_failed},
};

const NAMES: [&str; 2] = ["auth-service", "web-service"];

pub(super) const SCENARIO: Scenario = Scenario {
    title: "Services",
    about: "Both services are started at the same time on an empty data directory, with a running Redis. Ready: the first 200 from \
            `/readyz`. Idle: two seconds later.",
    names: &NAMES,
    columns: &[
        Column::new("ready after", "ms", 0),
        Column::new("idle", "MiB", 1),
    ],
    chart: Chart::None,
    measure,
};

const SETTLED: Duration = Duration::from_secs(2);

fn measure(bench: &Bench) -> Vec<Measurement> {
    or_failed(rows(bench))
}

fn rows(bench: &Bench) -> anyhow::Result<Vec<Measurement>> {
    let (mut auth, mut web) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        let [of_auth, of_web] = start(bench)?;
        auth.push(of_auth);
        web.push(of_web);
    }
    Ok(vec![
        Measurement::new(NAMES[0], Ok(medians(&auth))),
        Measurement::new(NAMES[1], Ok(medians(&web))),
    ])
}

fn start(bench: &Bench) -> anyhow::Result<[Vec<f64>; 2]> {
    let fixture = Fixture::new(&bench.programs, false)?;
    let mut auth = fixture.spawn_auth()?;
    let mut web = fixture.first_web()?;
    while !(auth.poll_ready(|| fixture.is_auth_ready())? & web.poll_ready()?) {
        thread::sleep(PAUSE);
    }
    thread::sleep(SETTLED);
    Ok([&auth, &web.server].map(|server| {
        vec![
            server.cold_start.as_secs_f64() * 1e3,
            mib(server.resident()),
        ]
    }))
}
