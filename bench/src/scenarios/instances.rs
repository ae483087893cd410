//! Several instances of auth-service on one database, beside one on a file.

use std::{path::PathBuf, process::Command};

use crate::{
    Bench,
    fixture::Fixture,
    generator::{LoadResult, output, parse_result},
    instances::Instances,
    load::run_load_program,
    sampler::{Sample, Sampler, WARM_UP, medians, real},
    scenario::{Chart, Column, Measurement, Scenario},
    scenarios::logins::{CLIENTS, sign_in},
};

const NAMES: [&str; 4] = [
    "SQLite, 1 instance",
    "PostgreSQL, 1 instance",
    "PostgreSQL, 2 instances",
    "PostgreSQL, 3 instances",
];

pub(super) const SCENARIO: Scenario = Scenario {
    title: "Instances",
    about: "auth-service on a SQLite file, and as one to three instances on one PostgreSQL (and one Redis for counters), which commits to the disk \
            without a standby. Sign-ins and refreshes by 64 clients without a pause, over connections to all instances; each client has 24 logins, as the \
            refreshes of one are limited, and each refresh rotates. `ValidateToken` with one token. CPU of all instances, and of PostgreSQL; Redis is left out. \
            All of it shares the cores with the load, so that more instances are not faster here: what matters is that they do not cost more. \
            End to refused: from the answer to the end of a login, at any instance, until the last instance refuses its access token.",
    names: &NAMES,
    columns: &[
        Column::new("logins/s", "", 1),
        Column::new("CPU per login", "ms", 2),
        Column::new("database", "ms", 2),
        Column::new("refreshes/s", "", 0),
        Column::new("p99", "ms", 1),
        Column::new("CPU per refresh", "µs", 0),
        Column::new("database", "µs", 0),
        Column::new("CPU per ValidateToken", "µs", 1),
        Column::new("end to refused, p50", "ms", 1),
        Column::new("p99", "ms", 1),
    ],
    chart: Chart::None,
    measure,
};

/// Logins of each client that refreshes.
const LOGINS: usize = 24;

/// Logins whose ends are measured.
const ENDS: usize = 100;

fn measure(bench: &Bench) -> Vec<Measurement> {
    let instances = [None, Some(1), Some(2), Some(3)];
    let rows = NAMES.into_iter().zip(instances);
    rows.map(|(name, count)| Measurement::measured(name, || row(bench, count)))
        .collect()
}

/// A row; with a number of instances on `PostgreSQL`, otherwise with one on `SQLite`.
fn row(bench: &Bench, on_postgres: Option<usize>) -> anyhow::Result<Vec<f64>> {
    let fixture = Fixture::new(&bench.programs, false)?;
    let system = match on_postgres {
        None => Instances::on_sqlite(fixture)?,
        Some(count) => Instances::on_postgres(fixture, count)?,
    };
    system.fixture.add_load_users(CLIENTS)?;
    system.fixture.add_user("ada")?;
    let tokens = system.tokens()?;
    system.load_logins("refresh", LOGINS, WARM_UP.as_secs())?;
    let mut runs = Vec::new();
    for run in 1..=bench.runs {
        println!("    run {run} of {}", bench.runs);
        runs.push(system.run(bench.length.as_secs(), &tokens)?);
    }
    let mut figures = medians(&runs);
    figures.extend(system.ends()?);
    Ok(figures)
}

impl Instances {
    fn run(&self, seconds: u64, tokens: &PathBuf) -> anyhow::Result<Vec<f64>> {
        let length = std::time::Duration::from_secs(seconds);
        let (login, login_database) = self.sample(|| Ok(sign_in(&self.fixture, length)?.0))?;
        let (refresh, refresh_database) =
            self.sample(|| self.load_logins("refresh", LOGINS, seconds))?;
        let (validate, _) = self.sample(|| {
            let mut command = self.fixture.load("validate");
            command.arg("--tokens").arg(tokens);
            run_load_program(command.args(["--seconds", &seconds.to_string()]))
        })?;
        Ok(vec![
            login.rate(),
            login.cpu_micros / 1e3,
            login_database / 1e3,
            refresh.rate(),
            refresh.p99_millis(),
            refresh.cpu_micros,
            refresh_database,
            validate.cpu_micros,
        ])
    }

    /// A run, with the CPU time of the instances, and that of the database for each request in µs.
    pub(super) fn sample(
        &self,
        run: impl FnOnce() -> anyhow::Result<LoadResult>,
    ) -> anyhow::Result<(Sample, f64)> {
        let services = Sampler {
            servers: self.auth.iter().collect(),
            redis: None,
        };
        let database = Sampler {
            servers: self
                .database
                .iter()
                .map(|database| &database.server)
                .collect(),
            redis: None,
        };
        let before = database.cpu();
        let sample = services.sample(run)?;
        let used = database.cpu().saturating_sub(before).as_secs_f64() * 1e6;
        let has_database = !database.servers.is_empty();
        let each = used / real(sample.load.requests.max(1));
        Ok((sample, if has_database { each } else { f64::NAN }))
    }

    /// A run of a load program that uses several logins of each client, whose refresh tokens a file keeps for the next run.
    pub(super) fn load_logins(
        &self,
        program: &str,
        logins: usize,
        seconds: u64,
    ) -> anyhow::Result<LoadResult> {
        let mut command = self.fixture.load(program);
        command
            .args(["--clients", &CLIENTS.to_string()])
            .args(["--logins", &logins.to_string()])
            .args(["--seconds", &seconds.to_string()])
            .arg("--tokens")
            .arg(self.fixture.directory.join("refresh-tokens"));
        run_load_program(&mut command)
    }

    /// A file with one access token.
    fn tokens(&self) -> anyhow::Result<PathBuf> {
        let file = self.fixture.directory.join("access-token");
        let mut command = self.fixture.load("tokens");
        command.args(["--count", "1", "--out"]);
        output(command.arg(&file))?;
        Ok(file)
    }

    /// p50 and p99 in ms.
    fn ends(&self) -> anyhow::Result<[f64; 2]> {
        let mut command: Command = self.fixture.load("ends");
        let printed = output(command.args(["--ends", &ENDS.to_string()]))?;
        let [_, p50, p99, _] = parse_result(&printed)?;
        Ok([real(p50) / 1e3, real(p99) / 1e3])
    }
}
