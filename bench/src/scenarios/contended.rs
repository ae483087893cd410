//! What a check feels of other people's sign-ins.

use std::{thread, time::Duration};

use crate::{
    Bench,
    h2load::Pace,
    load::Load,
    pair::Pair,
    sampler::real,
    scenario::{Column, Line, Part, Picture, compare, in_turn, or_failed},
    scenarios::logins,
    services::validate_load,
};

const NAMES: [&str; 2] = ["idle", "64 clients sign in"];

pub(super) const PART: Part = Part {
    title: "ValidateToken beside logins",
    about: "One hot token, asked about 400 times a second, while nothing else happens and while 64 clients sign in all the time. \
            Load and server share the cores. Six seconds a run at least.",
    names: &NAMES,
    columns: &[
        Column::new("calls/s", "", 0),
        Column::new("p50", "ms", 2),
        Column::new("p99", "ms", 2),
        Column::new("logins/s", "", 1),
        Column::new("p99, × idle", "", 2),
    ],
    picture: Picture::None,
    measure,
};

const PACE: Pace = Pace::Steady(400);
const P99: usize = 2;

/// Of 400 calls a second, p99 is what the slowest four of each second say: a run has to be long enough for some.
const LEAST: Duration = Duration::from_secs(6);

/// The clients begin before, and end after.
const LEAD: Duration = Duration::from_secs(1);

fn measure(bench: &Bench) -> Vec<Line> {
    or_failed(lines(bench))
}

fn lines(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let pair = Pair::start(&bench.programs, false)?;
    pair.ground.add_load_users(logins::CLIENTS)?;
    let load = validate_load(&pair.ground.auth_url(), &pair.web.token()?, PACE)?;
    load.run(Duration::from_secs(1))?;
    let length = bench.length.max(LEAST);
    let idle = || hot(&load, length, 0.0);
    let beside = || {
        thread::scope(|scope| {
            let logins = scope.spawn(|| logins::sign_in(&pair.ground, length + 2 * LEAD));
            thread::sleep(LEAD);
            let figures = hot(&load, length, 0.0);
            let logins = logins.join();
            let (logins, _) = logins.map_err(|_| anyhow::anyhow!("the clients panicked"))??;
            let mut figures = figures?;
            if let Some(rate) = figures.last_mut() {
                *rate = real(logins.requests) / logins.took.as_secs_f64();
            }
            Ok(figures)
        })
    };
    let mut lines = in_turn(
        bench.runs,
        vec![(NAMES[0], Box::new(idle)), (NAMES[1], Box::new(beside))],
    );
    compare(&mut lines, P99, 0);
    Ok(lines)
}

fn hot(load: &Load, length: Duration, logins: f64) -> anyhow::Result<Vec<f64>> {
    let answered = load.run(length)?;
    Ok(vec![
        real(answered.requests) / answered.took.as_secs_f64(),
        answered.p50.as_secs_f64() * 1e3,
        answered.p99.as_secs_f64() * 1e3,
        logins,
    ])
}
