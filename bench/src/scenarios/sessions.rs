//! Memory and CPU time with many live sessions.

use std::{path::Path, time::Duration};

use crate::{
    Bench,
    generator::{LineCursor, output},
    load::Load,
    pair::Pair,
    redis::used_memory,
    sampler::{Sample, Sampler, median, real},
    scenario::{Chart, Column, Measurement, Scenario, add_ratios},
    scenarios::grouped,
    scratch_directory,
    services::cookie_load,
};

pub(super) const SCENARIO: Scenario = Scenario {
    title: "Live sessions",
    about: "This number of live sessions in Redis, written by the code of web-service. CPU of web-service and Redis for each cookie \
            check, with a thousand active sessions, and with all of them in turn (at most 100,000). web-service caches up to 32,768; \
            bytes are the growth of its memory for each. The time of the last request, which is written once a minute, is not included. \
            `wrk` with one thread.",
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
    chart: Chart::Curves(&[4, 2]),
    measure,
};

const COUNTS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
const ACTIVE: u64 = 1_000;
const CPU_OF_ACTIVE: usize = 4;
const SAMPLE: u64 = 100_000;

/// Capacity of the session cache of web-service.
const CACHE_CAPACITY: u64 = 32_768;

fn measure(bench: &Bench) -> Vec<Measurement> {
    let row = |count| Measurement::measured(grouped(count), || live(bench, count));
    let mut rows: Vec<_> = bench.counts(&COUNTS).into_iter().map(row).collect();
    add_ratios(&mut rows, CPU_OF_ACTIVE, 0);
    rows
}

fn live(bench: &Bench, count: u64) -> anyhow::Result<Vec<f64>> {
    let pair = Pair::start(&bench.programs, false)?;
    let fixture = &pair.fixture;
    let sample = SAMPLE.min(count);
    let file = scratch_directory()?.join("sessions");
    let used = used_memory(fixture.redis_port)?;
    let mut command = fixture.load("sessions");
    command
        .args(["--redis", &fixture.redis_url()])
        .args(["--count", &count.to_string()])
        .args(["--sample", &sample.to_string(), "--out"]);
    output(command.arg(&file))?;
    let used = used_memory(fixture.redis_port)?.saturating_sub(used);

    let cached = bytes_per_cached_session(&pair, &file, sample)?;
    let sampler = Sampler {
        servers: vec![&pair.web.server, fixture.redis()],
        redis: Some(fixture.redis_port),
    };
    let all = sampler.samples(&cookies(&pair, &file, sample), bench.timing())?;
    let active = sampler.samples(&cookies(&pair, &file, ACTIVE), bench.timing())?;
    let cpu = |samples: &[Sample]| median(samples, |sample| sample.cpu_micros);
    Ok(vec![
        real(used) / real(count),
        cached,
        cpu(&all),
        median(&all, |sample| sample.redis_commands),
        cpu(&active),
        median(&active, Sample::rate),
    ])
}

/// Growth of the memory of web-service for each cached session, in bytes, after each session was used once.
fn bytes_per_cached_session(pair: &Pair, file: &Path, sample: u64) -> anyhow::Result<f64> {
    // Warms up the connections.
    cookies(pair, file, 1).run(Duration::from_secs(1))?;
    let resident = pair.web.server.resident();
    let load = cookies(pair, file, sample);
    while load.used_lines() < sample {
        load.run(Duration::from_secs(1))?;
    }
    let grown = pair.web.server.resident().saturating_sub(resident);
    Ok(real(grown * 1024) / real(sample.min(CACHE_CAPACITY)))
}

fn cookies(pair: &Pair, file: &Path, lines: u64) -> Load {
    let lines = LineCursor::new(file.to_owned(), lines);
    cookie_load(&pair.web.origin, "__Host-session=@").with_lines(lines)
}
