//! What it costs that much ended before its time.

use std::{thread, time::Duration};

use crate::{
    Bench,
    h2load::Pace,
    load::Load,
    pair::{Ground, Pair},
    process::Server,
    sampler::{Meter, median, mib, real},
    scenario::{Column, Line, Part, Picture, or_failed},
    scenarios::grouped,
    services::{bearer_load, validate_load},
    web::Web,
};

pub(super) const PART: Part = Part {
    title: "Revocations",
    about: "So many logins that ended before their time and are remembered, and both services started on them. Bytes are the growth of \
            resident memory for each. CPU of both services for each check of one hot token. Idle: CPU of both for each second in \
            which nobody asks.",
    names: &[],
    columns: &[
        Column::new("auth-service", "MiB", 0),
        Column::new("each there", "B", 0),
        Column::new("web-service", "MiB", 0),
        Column::new("each there", "B", 0),
        Column::new("auth-service ready after", "ms", 0),
        Column::new("web-service ready after", "ms", 0),
        Column::new("CPU per bearer check", "µs", 1),
        Column::new("CPU per ValidateToken", "µs", 1),
        Column::new("idle, each second", "ms", 1),
    ],
    picture: Picture::None,
    measure,
};

const COUNT: u64 = 1_000_000;
const SETTLED: Duration = Duration::from_secs(3);

/// Both services, on a ground of their own.
struct Running {
    auth: Server,
    web: Web,
    resident: [u64; 2],
    idle_millis: f64,
}

fn measure(bench: &Bench) -> Vec<Line> {
    or_failed(lines(bench))
}

fn lines(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let count = COUNT.min(bench.most);
    // With an account, and neither service.
    let Pair { ground, .. } = Pair::start(&bench.programs, false)?;
    let none = start(&ground)?;
    let first = Line::measured("0", || figures(bench, &ground, &none, None));
    let without = none.resident;
    drop(none);
    let second = Line::measured(grouped(count), || {
        ground.fill_revocations(count)?;
        figures(bench, &ground, &start(&ground)?, Some((count, without)))
    });
    Ok(vec![first, second])
}

fn start(ground: &Ground) -> anyhow::Result<Running> {
    let auth = ground.auth()?;
    let web = ground.first_web()?.ready()?;
    thread::sleep(SETTLED);
    let resident = [auth.resident(), web.server.resident()];
    let meter = Meter {
        servers: vec![&auth, &web.server],
        redis: None,
    };
    let before = meter.cpu();
    thread::sleep(SETTLED);
    let idle = meter.cpu().saturating_sub(before);
    Ok(Running {
        idle_millis: idle.as_secs_f64() * 1e3 / SETTLED.as_secs_f64(),
        auth,
        web,
        resident,
    })
}

fn figures(
    bench: &Bench,
    ground: &Ground,
    running: &Running,
    grown: Option<(u64, [u64; 2])>,
) -> anyhow::Result<Vec<f64>> {
    let token = running.web.token()?;
    let cpu = |load: Load| -> anyhow::Result<f64> {
        let meter = Meter {
            servers: vec![&running.auth, &running.web.server],
            redis: None,
        };
        let samples = meter.samples(&load, bench.timing())?;
        Ok(median(&samples, |sample| sample.cpu_micros))
    };
    let each = |index: usize| {
        grown.map_or(f64::NAN, |(count, without)| {
            let kib = running.resident[index].saturating_sub(without[index]);
            real(kib * 1024) / real(count)
        })
    };
    let millis = |server: &Server| server.cold_start.as_secs_f64() * 1e3;
    Ok(vec![
        mib(running.resident[0]),
        each(0),
        mib(running.resident[1]),
        each(1),
        millis(&running.auth),
        millis(&running.web.server),
        cpu(bearer_load(&running.web.origin, &token))?,
        cpu(validate_load(&ground.auth_url(), &token, Pace::AtOnce)?)?,
        running.idle_millis,
    ])
}
