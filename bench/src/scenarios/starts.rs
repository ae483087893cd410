//! From nothing to ready, and what a service takes that does nothing.

use std::{thread, time::Duration};

use crate::{
    Bench,
    pair::Ground,
    process::PAUSE,
    sampler::{medians, mib},
    scenario::{Column, Line, Part, Picture, or_failed},
};

const NAMES: [&str; 2] = ["auth-service", "web-service"];

pub(super) const PART: Part = Part {
    title: "Services",
    about: "Both started at the same moment, on an empty directory, beside a running Redis. Ready: the first 200 of `/readyz`. Idle: \
            two seconds later.",
    names: &NAMES,
    columns: &[
        Column::new("ready after", "ms", 0),
        Column::new("idle", "MiB", 1),
    ],
    picture: Picture::None,
    measure,
};

const SETTLED: Duration = Duration::from_secs(2);

fn measure(bench: &Bench) -> Vec<Line> {
    or_failed(lines(bench))
}

fn lines(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let (mut auth, mut web) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        let [of_auth, of_web] = start(bench)?;
        auth.push(of_auth);
        web.push(of_web);
    }
    Ok(vec![
        Line::of(NAMES[0], Ok(medians(&auth))),
        Line::of(NAMES[1], Ok(medians(&web))),
    ])
}

fn start(bench: &Bench) -> anyhow::Result<[Vec<f64>; 2]> {
    let ground = Ground::new(&bench.programs, false)?;
    let mut auth = ground.spawn_auth()?;
    let mut web = ground.first_web()?;
    while !(auth.look(|| ground.is_auth_ready())? & web.look()?) {
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
