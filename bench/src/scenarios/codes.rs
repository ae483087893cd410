//! Sign-ins to a relying party.

use crate::{
    Bench,
    fixture::Fixture,
    instances::Instances,
    sampler::{WARM_UP, medians},
    scenario::{Chart, Column, Measurement, Scenario},
    scenarios::logins::CLIENTS,
};

const NAMES: [&str; 2] = ["SQLite", "PostgreSQL"];

pub(super) const SCENARIO: Scenario = Scenario {
    title: "Authorization codes",
    about: "Sign-ins to a relying party by browsers that are signed in: an authorization request, whose response has a code, and the exchange of the code for \
            an ID token, an access token and a refresh token, which is one commit to the disk. By 64 clients without a pause, each with 48 logins in turn, as \
            the codes of one are limited, at one auth-service. CPU of auth-service, and of PostgreSQL. Refreshes are in the section Instances.",
    names: &NAMES,
    columns: &[
        Column::new("codes/s", "", 0),
        Column::new("p99", "ms", 1),
        Column::new("CPU per code", "µs", 0),
        Column::new("database", "µs", 0),
    ],
    chart: Chart::None,
    measure,
};

/// Logins of each client.
const LOGINS: usize = 48;

fn measure(bench: &Bench) -> Vec<Measurement> {
    let rows = NAMES.into_iter().zip([false, true]);
    rows.map(|(name, on_postgres)| Measurement::measured(name, || row(bench, on_postgres)))
        .collect()
}

fn row(bench: &Bench, on_postgres: bool) -> anyhow::Result<Vec<f64>> {
    let fixture = Fixture::new(&bench.programs, false)?;
    let system = if on_postgres {
        Instances::on_postgres(fixture, 1)?
    } else {
        Instances::on_sqlite(fixture)?
    };
    system.fixture.add_load_users(CLIENTS)?;
    system.fixture.add_relying_party()?;
    let load = |seconds| system.load_logins("codes", LOGINS, seconds);
    load(WARM_UP.as_secs())?;
    let mut runs = Vec::new();
    for run in 1..=bench.runs {
        println!("    run {run} of {}", bench.runs);
        let (sample, database) = system.sample(|| load(bench.length.as_secs()))?;
        runs.push(vec![
            sample.rate(),
            sample.p99_millis(),
            sample.cpu_micros,
            database,
        ]);
    }
    Ok(medians(&runs))
}
