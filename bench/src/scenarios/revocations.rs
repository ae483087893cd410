//! Memory and CPU time with a large revocation set.

use std::{thread, time::Duration};

use crate::{
    Bench,
    fixture::Fixture,
    h2load::Pace,
    load::Load,
    pair::Pair,
    process::Server,
    sampler::{Sampler, median, mib, real},
    scenario::{Chart, Column, Measurement, Scenario, or_failed},
    scenarios::grouped,
    services::{bearer_load, validate_load},
    web::Web,
};

pub(super) const SCENARIO: Scenario = Scenario {
    title: "Revocations",
    about: "Both services, started with this number of revoked logins in the revocation set. Bytes are the growth of resident memory \
            for each. CPU of both services for each check of one cached token. Idle: CPU of both services for each second without \
            requests.",
    names: &[],
    columns: &[
        Column::new("auth-service", "MiB", 0),
        Column::new("each there", "B", 0),
        Column::new("web-service", "MiB", 0),
        Column::new("each there", "B", 0),
        Column::new("auth-service ready after", "ms", 0),
        Column::new("web-service ready after", "ms", 0),
        Column::new("CPU per bearer check", "µs", 1),
        Column::new("CPU per ValidateToken", "µs", 1),
        Column::new("idle, each second", "ms", 1),
    ],
    chart: Chart::None,
    measure,
};

const COUNT: u64 = 1_000_000;
const SETTLED: Duration = Duration::from_secs(3);

/// Both services, with their memory after the start.
struct Running {
    auth: Server,
    web: Web,
    resident: [u64; 2],
    idle_millis: f64,
}

fn measure(bench: &Bench) -> Vec<Measurement> {
    or_failed(rows(bench))
}

fn rows(bench: &Bench) -> anyhow::Result<Vec<Measurement>> {
    let count = COUNT.min(bench.max_count);
    // The database contains an account, and neither service runs.
    let Pair { fixture, .. } = Pair::start(&bench.programs, false)?;
    let none = start(&fixture)?;
    let first = Measurement::measured("0", || figures(bench, &fixture, &none, None));
    let without = none.resident;
    drop(none);
    let second = Measurement::measured(grouped(count), || {
        fixture.fill_revocations(count)?;
        figures(bench, &fixture, &start(&fixture)?, Some((count, without)))
    });
    Ok(vec![first, second])
}

fn start(fixture: &Fixture) -> anyhow::Result<Running> {
    let auth = fixture.auth()?;
    let web = fixture.first_web()?.wait_ready()?;
    thread::sleep(SETTLED);
    let resident = [auth.resident(), web.server.resident()];
    let sampler = Sampler {
        servers: vec![&auth, &web.server],
        redis: None,
    };
    let before = sampler.cpu();
    thread::sleep(SETTLED);
    let idle = sampler.cpu().saturating_sub(before);
    Ok(Running {
        idle_millis: idle.as_secs_f64() * 1e3 / SETTLED.as_secs_f64(),
        auth,
        web,
        resident,
    })
}

fn figures(
    bench: &Bench,
    fixture: &Fixture,
    running: &Running,
    grown: Option<(u64, [u64; 2])>,
) -> anyhow::Result<Vec<f64>> {
    let token = running.web.token()?;
    let cpu = |load: Load| -> anyhow::Result<f64> {
        let sampler = Sampler {
            servers: vec![&running.auth, &running.web.server],
            redis: None,
        };
        let runs = sampler.samples(&load, bench.timing())?;
        Ok(median(&runs, |sample| sample.cpu_micros))
    };
    let each = |index: usize| {
        grown.map_or(f64::NAN, |(count, without)| {
            let kib = running.resident[index].saturating_sub(without[index]);
            real(kib * 1024) / real(count)
        })
    };
    let millis = |server: &Server| server.cold_start.as_secs_f64() * 1e3;
    Ok(vec![
        mib(running.resident[0]),
        each(0),
        mib(running.resident[1]),
        each(1),
        millis(&running.auth),
        millis(&running.web.server),
        cpu(bearer_load(&running.web.origin, &token))?,
        cpu(validate_load(
            &fixture.auth_url(),
            &token,
            Pace::ClosedLoop,
        )?)?,
        running.idle_millis,
    ])
}
