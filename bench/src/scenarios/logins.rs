//! Signing in, beside the hash alone.

use std::{process::Command, time::Duration};

use xtask::workspace;

use crate::{
    Bench, cores,
    load::{Answered, output, result},
    pair::Ground,
    process::Server,
    sampler::{Meter, mib, real},
    scenario::{Column, Line, Part, Picture, compare, in_turn, or_failed},
};

const NAMES: [&str; 3] = [
    "bare loop, argon2 of Rust",
    "bare loop, argon2 of Node",
    "Holdfast, 64 clients",
];

pub(super) const PART: Part = Part {
    title: "Logins",
    about: "Argon2id with 19 MiB and two passes, on as many threads as there are cores: in a bare loop, and as 64 clients who sign in \
            over gRPC all the time, each to an account of its own. Only successes count; who is refused as too many wait (`OVERLOADED`) \
            comes back when told to. p99 is of the hash alone in a loop, and of the whole wait in line at Holdfast. The clients share the \
            cores: they are part of the rate, and not of the CPU per login. Holdfast asks Linux for huge pages to \
            hash in, the loops do not. The bound: 19 MiB for each thread, and 60 MiB.",
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
    picture: Picture::Bars(0),
    measure,
};

const RATE: usize = 0;
const CPU: usize = 2;

/// Of the load program, which names the accounts by number.
pub(super) const CLIENTS: u8 = 64;

fn measure(bench: &Bench) -> Vec<Line> {
    or_failed(lines(bench))
}

fn lines(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let arguments = [cores().to_string(), bench.length.as_secs().to_string()];
    let bare = || in_loop(Command::new(&bench.peers).arg("argon2").args(&arguments));
    let node = || {
        let program = workspace::root().join("bench/peers/argon2/loop.cjs");
        let mut command = Command::new("node");
        command.env("NODE_PATH", bench.tools.node.join("node_modules"));
        in_loop(command.arg(program).args(&arguments))
    };
    let holdfast = Holdfast::start(Ground::new(&bench.programs, false)?)?;
    let mut lines = in_turn(
        bench.runs,
        vec![
            (NAMES[0], Box::new(bare)),
            (NAMES[1], Box::new(node)),
            (NAMES[2], Box::new(|| holdfast.sign_in(bench.length))),
        ],
    );
    compare(&mut lines, RATE, 0);
    compare(&mut lines, CPU, 0);
    Ok(lines)
}

/// auth-service with accounts for all clients, warmed up.
struct Holdfast {
    auth: Server,
    ground: Ground,
}

impl Holdfast {
    fn start(ground: Ground) -> anyhow::Result<Self> {
        let auth = ground.auth()?;
        ground.add_load_users(CLIENTS)?;
        sign_in(&ground, Duration::from_secs(1))?;
        Ok(Self { auth, ground })
    }

    fn sign_in(&self, length: Duration) -> anyhow::Result<Vec<f64>> {
        let meter = Meter {
            servers: vec![&self.auth],
            redis: None,
        };
        let mut refused = 0;
        let sample = meter.sample(|| {
            let (answered, more) = sign_in(&self.ground, length)?;
            refused = more;
            Ok(answered)
        })?;
        Ok(vec![
            sample.rate(),
            real(refused) / sample.answered.took.as_secs_f64(),
            sample.cpu_micros / 1e3,
            sample.p99_millis(),
            mib(self.auth.peak()),
            real(u64::try_from(cores())? * 19 + 60),
        ])
    }
}

/// All clients at once, for a while: the successes, and how many were refused as too many waited.
pub(super) fn sign_in(ground: &Ground, length: Duration) -> anyhow::Result<(Answered, u64)> {
    let mut command = ground.load("login");
    command
        .args(["--clients", &CLIENTS.to_string()])
        .args(["--seconds", &length.as_secs().to_string()]);
    let [requests, took, p50, p99, refused] = result(&output(&mut command)?)?;
    let answered = Answered {
        requests,
        took: Duration::from_micros(took),
        p50: Duration::from_micros(p50),
        p99: Duration::from_micros(p99),
    };
    Ok((answered, refused))
}

fn in_loop(command: &mut Command) -> anyhow::Result<Vec<f64>> {
    let [hashes, elapsed, cpu, _p50, p99, peak] = result(&output(command)?)?;
    Ok(vec![
        real(hashes) / (real(elapsed) / 1e6),
        f64::NAN,
        real(cpu) / 1e3 / real(hashes.max(1)),
        real(p99) / 1e3,
        mib(peak),
        f64::NAN,
    ])
}
