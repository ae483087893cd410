//! The cost of traces.

use std::{net::TcpStream, process::Command};

use crate::{
    Bench, free_port,
    load::Load,
    pair::Pair,
    process::Server,
    sampler::Sampler,
    scenario::{
        Chart, Column, Measurement, Runner, Scenario, add_ratios, measure_interleaved, or_failed,
    },
    services::{bearer_load, cookie_load},
    web::Web,
};

const NAMES: [&str; 4] = [
    "cookie, no traces",
    "cookie, 1 % traced",
    "bearer, no traces",
    "bearer, 1 % traced",
];

pub(super) const SCENARIO: Scenario = Scenario {
    title: "Traces",
    about: "Checks of one cookie and of one bearer token by two web-services beside each other: one without `WEB_OTLP_ENDPOINT`, the other \
            with the usual `WEB_TRACE_RATIO` of 0.01 and a collector that discards what it receives. CPU of web-service.",
    names: &NAMES,
    columns: &[
        Column::new("CPU per check", "µs", 2),
        Column::new("checks/s", "", 0),
        Column::new("p50", "ms", 2),
        Column::new("p99", "ms", 2),
        Column::new("× no traces", "", 3),
    ],
    chart: Chart::None,
    measure,
};

fn measure(bench: &Bench) -> Vec<Measurement> {
    or_failed(rows(bench))
}

fn rows(bench: &Bench) -> anyhow::Result<Vec<Measurement>> {
    let pair = Pair::start(&bench.programs, false)?;
    let (_collector, endpoint) = collector(bench)?;
    let traced = pair.fixture.another_web(&[
        ("WEB_OTLP_ENDPOINT", &endpoint),
        ("WEB_TRACE_RATIO", "0.01"),
    ])?;
    let (cookie, token) = (pair.cookie()?, pair.web.token()?);
    let runner = |name, web, load: fn(&str, &str) -> Load, credential: &str| {
        runner(bench, (name, web), load, credential)
    };
    let mut rows = measure_interleaved(
        bench.runs,
        vec![
            runner(NAMES[0], &pair.web, cookie_load, &cookie),
            runner(NAMES[1], &traced, cookie_load, &cookie),
            runner(NAMES[2], &pair.web, bearer_load, &token),
            runner(NAMES[3], &traced, bearer_load, &token),
        ],
    );
    for pair in rows.chunks_mut(2) {
        add_ratios(pair, 0, 0);
    }
    Ok(rows)
}

fn collector(bench: &Bench) -> anyhow::Result<(Server, String)> {
    let port = free_port()?;
    let mut command = Command::new(bench.programs.join("load"));
    command.args(["collect", "--port", &port.to_string()]);
    let is_ready = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    let server = Server::start(&mut command, is_ready)?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}

fn runner<'a>(
    bench: &'a Bench,
    (name, web): (&'static str, &'a Web),
    load: fn(&str, &str) -> Load,
    credential: &str,
) -> Runner<'a> {
    let load = load(&web.origin, credential);
    let sampler = Sampler {
        servers: vec![&web.server],
        redis: None,
    };
    let run = move || Ok(sampler.sample(|| load.run(bench.length))?.figures());
    (name, Box::new(run))
}
