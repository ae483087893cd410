//! What it costs that many people are signed in.

use std::{path::Path, time::Duration};

use crate::{
    Bench,
    load::{Load, Turns, output},
    pair::Pair,
    redis::used_memory,
    sampler::{Meter, Sample, median, real},
    scenario::{Column, Line, Part, Picture, compare},
    scenarios::grouped,
    scratch,
    services::cookie_load,
};

pub(super) const PART: Part = Part {
    title: "Live sessions",
    about: "So many live sessions in Redis, put there by web-service's own code. CPU of web-service and Redis for each cookie check, \
            while a thousand of them are active, and while all take turns (beyond 100,000, that many of them). web-service \
            remembers up to 32,768; bytes are the growth of its memory for each. That a session was seen, which is written once a \
            minute, is not part of it. `wrk` with one thread.",
    names: &[],
    columns: &[
        Column::new("in Redis, each", "B", 0),
        Column::new("in web-service, each", "B", 0),
        Column::new("CPU per check, all in turn", "µs", 1),
        Column::new("Redis commands, all in turn", "", 2),
        Column::new("CPU per check, 1,000 active", "µs", 1),
        Column::new("checks/s, 1,000 active", "", 0),
        Column::new("CPU, 1,000 active, × first line", "", 2),
    ],
    picture: Picture::Curves(&[4, 2]),
    measure,
};

const COUNTS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
const ACTIVE: u64 = 1_000;
const CPU_OF_ACTIVE: usize = 4;
const SAMPLE: u64 = 100_000;

/// As many as web-service remembers.
const REMEMBERED: u64 = 32_768;

fn measure(bench: &Bench) -> Vec<Line> {
    let line = |count| Line::measured(grouped(count), || live(bench, count));
    let mut lines: Vec<_> = bench.counts(&COUNTS).into_iter().map(line).collect();
    compare(&mut lines, CPU_OF_ACTIVE, 0);
    lines
}

fn live(bench: &Bench, count: u64) -> anyhow::Result<Vec<f64>> {
    let pair = Pair::start(&bench.programs, false)?;
    let ground = &pair.ground;
    let sample = SAMPLE.min(count);
    let file = scratch()?.join("sessions");
    let used = used_memory(ground.redis_port)?;
    let mut command = ground.load("sessions");
    command
        .args(["--redis", &ground.redis_url()])
        .args(["--count", &count.to_string()])
        .args(["--sample", &sample.to_string(), "--out"]);
    output(command.arg(&file))?;
    let used = used_memory(ground.redis_port)?.saturating_sub(used);

    let remembered = remembered(&pair, &file, sample)?;
    let meter = Meter {
        servers: vec![&pair.web.server, ground.redis()],
        redis: Some(ground.redis_port),
    };
    let all = meter.samples(&cookies(&pair, &file, sample), bench.timing())?;
    let active = meter.samples(&cookies(&pair, &file, ACTIVE), bench.timing())?;
    let cpu = |samples: &[Sample]| median(samples, |sample| sample.cpu_micros);
    Ok(vec![
        real(used) / real(count),
        remembered,
        cpu(&all),
        median(&all, |sample| sample.redis_commands),
        cpu(&active),
        median(&active, Sample::rate),
    ])
}

/// Bytes for each that is remembered, once all had their turn.
fn remembered(pair: &Pair, file: &Path, sample: u64) -> anyhow::Result<f64> {
    // Connections get warm.
    cookies(pair, file, 1).run(Duration::from_secs(1))?;
    let resident = pair.web.server.resident();
    let turns = cookies(pair, file, sample);
    while turns.had() < sample {
        turns.run(Duration::from_secs(1))?;
    }
    let grown = pair.web.server.resident().saturating_sub(resident);
    Ok(real(grown * 1024) / real(sample.min(REMEMBERED)))
}

fn cookies(pair: &Pair, file: &Path, lines: u64) -> Load {
    let turns = Turns::of(file.to_owned(), lines);
    cookie_load(&pair.web.origin, "__Host-session=@").in_turn(turns)
}
