//! Writes the report: Markdown, JSON and charts.

use std::{fmt, fs, path::Path, process::Command, time::Duration};

use anyhow::Context as _;

use crate::{
    Contender, Kind,
    plot::{self, Bar},
    sampler::{Sample, median, mib},
    scenario::ScenarioReport,
};

/// A row of the tables of all contenders.
#[derive(Clone, Debug)]
pub(super) struct Row {
    name: String,
    kind: Kind,
    outcome: Result<Figures, String>,
}

#[derive(Clone, Copy, Debug)]
struct Figures {
    requests_per_second: f64,
    p50: Duration,
    p99: Duration,
    cpu_micros: f64,
    redis_commands: f64,
    idle_kib: u64,
    peak_kib: u64,
    cold_start: Duration,
}

impl Row {
    /// A row with the medians of several runs.
    pub(super) fn new(
        contender: &Contender,
        samples: &[Sample],
        idle_kib: u64,
        peak_kib: u64,
    ) -> Self {
        let seconds_of =
            |of: fn(&Sample) -> Duration| move |sample: &Sample| of(sample).as_secs_f64();
        let seconds = |value| Duration::from_secs_f64(value);
        let figures = Figures {
            requests_per_second: median(samples, Sample::rate),
            p50: seconds(median(samples, seconds_of(|sample| sample.load.p50))),
            p99: seconds(median(samples, seconds_of(|sample| sample.load.p99))),
            cpu_micros: median(samples, |sample| sample.cpu_micros),
            redis_commands: median(samples, |sample| sample.redis_commands),
            idle_kib,
            peak_kib,
            cold_start: contender
                .servers
                .iter()
                .map(|server| server.cold_start)
                .max()
                .unwrap_or_default(),
        };
        Self {
            name: contender.name.clone(),
            kind: contender.kind,
            outcome: Ok(figures),
        }
    }

    /// A row without figures.
    pub(super) fn failed(name: &str, kind: Kind, why: &anyhow::Error) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            outcome: Err(format!("{why:#}")),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(figures) => write!(
                f,
                "{:.0} requests/s, {:.1} µs of CPU each, p99 {:.1} ms",
                figures.requests_per_second,
                figures.cpu_micros,
                figures.p99.as_secs_f64() * 1e3
            ),
            Err(why) => write!(f, "{why}"),
        }
    }
}

/// Writes `README.md`, `results.json` and the charts.
pub(super) fn write(
    directory: &Path,
    rows: &[Row],
    reports: &[ScenarioReport],
) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    let machine = Machine::this();
    fs::write(directory.join("README.md"), text(rows, reports, &machine))?;
    let results = json(rows, reports, &machine);
    fs::write(directory.join("results.json"), results)?;
    for kind in Kind::ALL {
        let file = directory.join(format!("{}.svg", kind.title().to_lowercase()));
        fs::write(file, chart(rows, kind))?;
    }
    for report in reports {
        if let Some(chart) = report.chart() {
            fs::write(
                directory.join(format!("{}.svg", report.scenario.slug())),
                chart,
            )?;
        }
    }
    println!("\n{}", directory.join("README.md").display());
    Ok(())
}

struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    rust: String,
    commit: String,
}

impl Machine {
    fn this() -> Self {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or("unknown", |(_, name)| name);
        Self {
            processor: processor.to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: command_output("uname", &["-sr"]),
            rust: command_output("rustc", &["--version"]),
            commit: command_output("git", &["rev-parse", "--short", "HEAD"]),
        }
    }
}

fn command_output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .context("no output")
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

fn of_kind(rows: &[Row], kind: Kind) -> impl Iterator<Item = &Row> {
    rows.iter().filter(move |row| row.kind == kind)
}

/// CPU time of the row that the others of its kind are compared with.
fn floor(rows: &[Row], kind: Kind) -> Option<f64> {
    let floor = of_kind(rows, kind).find(|row| row.name == kind.floor())?;
    floor
        .outcome
        .as_ref()
        .ok()
        .map(|figures| figures.cpu_micros)
}

fn text(rows: &[Row], reports: &[ScenarioReport], machine: &Machine) -> String {
    let reports: String = reports.iter().map(ScenarioReport::table).collect();
    table(rows, machine) + &reports
}

fn table(rows: &[Row], machine: &Machine) -> String {
    let mut text = format!(
        "# Benchmarks\n\nMeasured by `cargo xtask bench` at {}: {}, {} cores, {}, {}. Load and servers share the cores, so the figure to \
         compare is CPU per request: the CPU time of all processes of the row, Redis included, as accounted by the kernel; \
         medians. Cookies and bearer tokens are checked under a saturating load by `wrk` with one thread for each core and 64 \
         connections; `ValidateToken` by `h2load` with 4 connections. Every response was verified. Cold start: until the first \
         correct response.\n",
        machine.commit, machine.processor, machine.cores, machine.kernel, machine.rust
    );
    for kind in Kind::ALL {
        let title = kind.title();
        let file = title.to_lowercase();
        text += &["\n## ", title, "\n\n![", title, "](", &file, ".svg)\n\n"].concat();
        text += "| | CPU per request | × floor | requests/s | p50 | p99 | Redis commands | idle | peak | cold start |\n";
        text += "|---|---|---|---|---|---|---|---|---|---|\n";
        let floor = floor(rows, kind);
        for row in of_kind(rows, kind) {
            let line = match &row.outcome {
                Ok(figures) => line(&row.name, figures, floor),
                Err(why) => format!("| {} | failed: {why} | | | | | | | | |\n", row.name),
            };
            text += &line;
        }
    }
    text
}

fn line(name: &str, figures: &Figures, floor: Option<f64>) -> String {
    let times = floor.map_or_else(String::new, |floor| {
        format!("{:.2}", figures.cpu_micros / floor)
    });
    let mib = |kib: u64| format!("{:.0} MiB", mib(kib));
    format!(
        "| {name} | {:.1} µs | {times} | {:.0} | {:.2} ms | {:.2} ms | {:.2} | {} | {} | {} ms |\n",
        figures.cpu_micros,
        figures.requests_per_second,
        figures.p50.as_secs_f64() * 1e3,
        figures.p99.as_secs_f64() * 1e3,
        figures.redis_commands,
        mib(figures.idle_kib),
        mib(figures.peak_kib),
        figures.cold_start.as_millis(),
    )
}

fn json(rows: &[Row], reports: &[ScenarioReport], machine: &Machine) -> String {
    let reports: Vec<_> = reports.iter().map(ScenarioReport::json).collect();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let head = format!(r#"{{"name":{:?},"kind":{:?},"#, row.name, row.kind.title());
            match &row.outcome {
                Ok(figures) => format!(
                    r#"{head}"cpu_micros_per_request":{:.2},"requests_per_second":{:.0},"p50_micros":{},"p99_micros":{},"redis_commands_per_request":{:.3},"idle_kib":{},"peak_kib":{},"cold_start_millis":{}}}"#,
                    figures.cpu_micros,
                    figures.requests_per_second,
                    figures.p50.as_micros(),
                    figures.p99.as_micros(),
                    figures.redis_commands,
                    figures.idle_kib,
                    figures.peak_kib,
                    figures.cold_start.as_millis(),
                ),
                Err(why) => format!(r#"{head}"failed":{why:?}}}"#),
            }
        })
        .collect();
    format!(
        "{{\"machine\":{{\"processor\":{:?},\"cores\":{},\"kernel\":{:?},\"rust\":{:?},\"commit\":{:?}}},\n\"rows\":[\n{}\n],\n\"sections\":[\n{}\n]}}\n",
        machine.processor,
        machine.cores,
        machine.kernel,
        machine.rust,
        machine.commit,
        rows.join(",\n"),
        reports.join(",\n")
    )
}

/// A chart of the CPU time per request.
fn chart(rows: &[Row], kind: Kind) -> String {
    let bars: Vec<_> = of_kind(rows, kind)
        .map(|row| Bar {
            name: &row.name,
            figure: row
                .outcome
                .as_ref()
                .map_or(0.0, |figures| figures.cpu_micros),
            label: match &row.outcome {
                Ok(figures) => format!("{:.1} µs", figures.cpu_micros),
                Err(_) => "failed".to_owned(),
            },
        })
        .collect();
    plot::bars(&format!("{}: CPU per request", kind.title()), &bars)
}
