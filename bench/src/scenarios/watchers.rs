//! Many revocation streams from one auth-service.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};

use crate::{
    Bench,
    generator::parse_result,
    pair::Pair,
    sampler::{Sampler, real},
    scenario::{Chart, Column, Measurement, Scenario},
    scenarios::grouped,
};

pub(super) const SCENARIO: Scenario = Scenario {
    title: "Watchers",
    about: "This number of revocation streams (`WatchRevocations`) from one auth-service, over four connections. Twenty logins end, \
            one after the other. Latency: from the response to the call that ends the login until a stream delivers the revocation, \
            over all streams and logins. Every stream delivered every revocation. Idle CPU: the heartbeats, one each second for each \
            stream.",
    names: &[],
    columns: &[
        Column::new("p50", "ms", 1),
        Column::new("p99", "ms", 1),
        Column::new("last", "ms", 1),
        Column::new("idle CPU, each second", "ms", 1),
        Column::new("without watchers", "ms", 1),
        Column::new("memory for each", "KiB", 1),
    ],
    chart: Chart::None,
    measure,
};

const WATCHERS: u64 = 1_000;
const ENDS: u64 = 20;
const IDLE: Duration = Duration::from_secs(5);

/// The idle time of the program `load` is longer than the measured one by this, before and after.
const MARGIN: Duration = Duration::from_secs(1);

fn measure(bench: &Bench) -> Vec<Measurement> {
    let watchers = WATCHERS.min(bench.max_count);
    vec![Measurement::measured(grouped(watchers), || {
        watch(bench, watchers)
    })]
}

fn watch(bench: &Bench, watchers: u64) -> anyhow::Result<Vec<f64>> {
    let pair = Pair::start(&bench.programs, false)?;
    let without = idle_millis(&pair);
    let resident = pair.auth.resident();
    let mut child = pair
        .fixture
        .load("watch")
        .args(["--watchers", &watchers.to_string()])
        .args(["--ends", &ENDS.to_string()])
        .args(["--idle", &(IDLE + 2 * MARGIN).as_secs().to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child
        .stdout
        .take()
        .context("the program load has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    let first = lines.next().transpose()?;
    let is_ready = first.is_some_and(|line| line == "READY");
    thread::sleep(MARGIN);
    let grown = pair.auth.resident().saturating_sub(resident);
    let idle = if is_ready { idle_millis(&pair) } else { 0.0 };
    let rest: Vec<_> = lines.collect::<Result<_, _>>()?;
    ensure!(
        child.wait()?.success(),
        "a stream did not deliver every revocation"
    );
    let [seen, p50, p99, last] = parse_result(&rest.join("\n"))?;
    ensure!(
        seen == watchers * ENDS,
        "some revocations were not delivered"
    );
    Ok(vec![
        real(p50) / 1e3,
        real(p99) / 1e3,
        real(last) / 1e3,
        idle,
        without,
        real(grown) / real(watchers),
    ])
}

/// CPU time of auth-service without requests, in ms for each second.
fn idle_millis(pair: &Pair) -> f64 {
    let sampler = Sampler {
        servers: vec![&pair.auth],
        redis: None,
    };
    let before = sampler.cpu();
    thread::sleep(IDLE);
    let used = sampler.cpu().saturating_sub(before);
    used.as_secs_f64() * 1e3 / IDLE.as_secs_f64()
}
