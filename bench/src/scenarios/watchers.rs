//! Many instances that want to know what ends.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};

use crate::{
    Bench,
    load::result,
    pair::Pair,
    sampler::{Meter, real},
    scenario::{Column, Line, Part, Picture},
    scenarios::grouped,
};

pub(super) const PART: Part = Part {
    title: "Watchers",
    about: "So many streams of `WatchRevocations` from one auth-service, over four connections. Twenty logins end, one after the other; \
            the time is from the answer to whoever ended it until a watcher has it, over all watchers and ends. Every watcher saw \
            every end. Each is told once a second that all is well: that is the idle CPU.",
    names: &[],
    columns: &[
        Column::new("p50", "ms", 1),
        Column::new("p99", "ms", 1),
        Column::new("last", "ms", 1),
        Column::new("idle CPU, each second", "ms", 1),
        Column::new("without watchers", "ms", 1),
        Column::new("memory for each", "KiB", 1),
    ],
    picture: Picture::None,
    measure,
};

const WATCHERS: u64 = 1_000;
const ENDS: u64 = 20;
const IDLE: Duration = Duration::from_secs(5);

/// The idle time of the program of our own has to contain the one that is measured.
const MARGIN: Duration = Duration::from_secs(1);

fn measure(bench: &Bench) -> Vec<Line> {
    let watchers = WATCHERS.min(bench.most);
    vec![Line::measured(grouped(watchers), || watch(bench, watchers))]
}

fn watch(bench: &Bench, watchers: u64) -> anyhow::Result<Vec<f64>> {
    let pair = Pair::start(&bench.programs, false)?;
    let without = idle_millis(&pair);
    let resident = pair.auth.resident();
    let mut child = pair
        .ground
        .load("watch")
        .args(["--watchers", &watchers.to_string()])
        .args(["--ends", &ENDS.to_string()])
        .args(["--idle", &(IDLE + 2 * MARGIN).as_secs().to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().context("it says nothing")?;
    let mut lines = BufReader::new(stdout).lines();
    let first = lines.next().transpose()?;
    let is_ready = first.is_some_and(|line| line == "READY");
    thread::sleep(MARGIN);
    let grown = pair.auth.resident().saturating_sub(resident);
    let idle = if is_ready { idle_millis(&pair) } else { 0.0 };
    let said: Vec<_> = lines.collect::<Result<_, _>>()?;
    ensure!(child.wait()?.success(), "not everybody heard of everything");
    let [seen, p50, p99, last] = result(&said.join("\n"))?;
    ensure!(seen == watchers * ENDS, "some ends were not seen");
    Ok(vec![
        real(p50) / 1e3,
        real(p99) / 1e3,
        real(last) / 1e3,
        idle,
        without,
        real(grown) / real(watchers),
    ])
}

/// Of auth-service, for each second.
fn idle_millis(pair: &Pair) -> f64 {
    let meter = Meter {
        servers: vec![&pair.auth],
        redis: None,
    };
    let before = meter.cpu();
    thread::sleep(IDLE);
    let used = meter.cpu().saturating_sub(before);
    used.as_secs_f64() * 1e3 / IDLE.as_secs_f64()
}
