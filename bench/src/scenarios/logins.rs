//! Sign-ins, beside the password hash alone.

use std::{process::Command, time::Duration};

use xtask::workspace;

use crate::{
    Bench, cores,
    fixture::Fixture,
    generator::{LoadResult, output, parse_result},
    process::Server,
    sampler::{Sampler, mib, real},
    scenario::{Chart, Column, Measurement, Scenario, add_ratios, measure_interleaved, or_failed},
};

const NAMES: [&str; 3] = [
    "bare loop, argon2 of Rust",
    "bare loop, argon2 of Node",
    "Holdfast, 64 clients",
];

pub(super) const SCENARIO: Scenario = Scenario {
    title: "Logins",
    about: "Argon2id with 19 MiB and two passes, on one thread for each core: in a bare loop, and for 64 clients that sign in over gRPC \
            without a pause, each to its own account. Only successes count; a client that is rejected with `OVERLOADED` tries again \
            after the time in the response. p99 of the loops is that of one hash; p99 of Holdfast contains the time in the queue. The \
            clients share the cores, which affects the rate but not the CPU per login. Holdfast requests huge pages for the \
            hashes, the loops do not. The bound is 60 MiB, and 19 MiB for each thread.",
    names: &NAMES,
    columns: &[
        Column::new("logins/s", "", 1),
        Column::new("refused/s", "", 1),
        Column::new("CPU per login", "ms", 1),
        Column::new("p99", "ms", 0),
        Column::new("peak", "MiB", 0),
        Column::new("bound", "MiB", 0),
        Column::new("logins/s, × bare loop", "", 2),
        Column::new("CPU, × bare loop", "", 2),
    ],
    chart: Chart::Bars(0),
    measure,
};

const RATE: usize = 0;
const CPU: usize = 2;

/// Number of clients of the program `load`, each with an account that is named by its number.
pub(super) const CLIENTS: u8 = 64;

fn measure(bench: &Bench) -> Vec<Measurement> {
    or_failed(rows(bench))
}

fn rows(bench: &Bench) -> anyhow::Result<Vec<Measurement>> {
    let arguments = [cores().to_string(), bench.length.as_secs().to_string()];
    let bare = || in_loop(Command::new(&bench.peers).arg("argon2").args(&arguments));
    let node = || {
        let program = workspace::root().join("bench/peers/argon2/loop.cjs");
        let mut command = Command::new("node");
        command.env("NODE_PATH", bench.tools.node.join("node_modules"));
        in_loop(command.arg(program).args(&arguments))
    };
    let holdfast = Holdfast::start(Fixture::new(&bench.programs, false)?)?;
    let mut rows = measure_interleaved(
        bench.runs,
        vec![
            (NAMES[0], Box::new(bare)),
            (NAMES[1], Box::new(node)),
            (NAMES[2], Box::new(|| holdfast.sign_in(bench.length))),
        ],
    );
    add_ratios(&mut rows, RATE, 0);
    add_ratios(&mut rows, CPU, 0);
    Ok(rows)
}

/// auth-service with an account for each client, after a warm-up.
struct Holdfast {
    auth: Server,
    fixture: Fixture,
}

impl Holdfast {
    fn start(fixture: Fixture) -> anyhow::Result<Self> {
        let auth = fixture.auth()?;
        fixture.add_load_users(CLIENTS)?;
        sign_in(&fixture, Duration::from_secs(1))?;
        Ok(Self { auth, fixture })
    }

    fn sign_in(&self, length: Duration) -> anyhow::Result<Vec<f64>> {
        let sampler = Sampler {
            servers: vec![&self.auth],
            redis: None,
        };
        let mut refused = 0;
        let sample = sampler.sample(|| {
            let (result, rejected) = sign_in(&self.fixture, length)?;
            refused = rejected;
            Ok(result)
        })?;
        Ok(vec![
            sample.rate(),
            real(refused) / sample.load.took.as_secs_f64(),
            sample.cpu_micros / 1e3,
            sample.p99_millis(),
            mib(self.auth.peak()),
            real(u64::try_from(cores())? * 19 + 60),
        ])
    }
}

/// Signs in with all clients for `length`. Returns the successes, and the number of rejections with `OVERLOADED`.
pub(super) fn sign_in(fixture: &Fixture, length: Duration) -> anyhow::Result<(LoadResult, u64)> {
    let mut command = fixture.load("login");
    command
        .args(["--clients", &CLIENTS.to_string()])
        .args(["--seconds", &length.as_secs().to_string()]);
    let [requests, took, p50, p99, refused] = parse_result(&output(&mut command)?)?;
    let successes = LoadResult {
        requests,
        took: Duration::from_micros(took),
        p50: Duration::from_micros(p50),
        p99: Duration::from_micros(p99),
    };
    Ok((successes, refused))
}

fn in_loop(command: &mut Command) -> anyhow::Result<Vec<f64>> {
    let [hashes, elapsed, cpu, _p50, p99, peak] = parse_result(&output(command)?)?;
    Ok(vec![
        real(hashes) / (real(elapsed) / 1e6),
        f64::NAN,
        real(cpu) / 1e3 / real(hashes.max(1)),
        real(p99) / 1e3,
        mib(peak),
        f64::NAN,
    ])
}
