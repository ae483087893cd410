//! What was measured, for people, programs and pictures.

use std::{fmt, fs, path::Path, process::Command, time::Duration};

use anyhow::Context as _;

use crate::{
    Contender, Kind,
    plot::{self, Bar},
    sampler::{Sample, median, mib},
    scenario::Section,
};

/// A row of the table.
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
    /// The medians of several runs.
    pub(super) fn of(
        contender: &Contender,
        samples: &[Sample],
        idle_kib: u64,
        peak_kib: u64,
    ) -> Self {
        let micros = |of: fn(&Sample) -> Duration| move |sample: &Sample| of(sample).as_secs_f64();
        let seconds = |value| Duration::from_secs_f64(value);
        let figures = Figures {
            requests_per_second: median(samples, Sample::rate),
            p50: seconds(median(samples, micros(|sample| sample.answered.p50))),
            p99: seconds(median(samples, micros(|sample| sample.answered.p99))),
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

    /// One that has no figures.
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

/// Writes `README.md`, `results.json` and a picture for each kind.
pub(super) fn write(directory: &Path, rows: &[Row], sections: &[Section]) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    let machine = Machine::this();
    fs::write(directory.join("README.md"), text(rows, sections, &machine))?;
    let results = json(rows, sections, &machine);
    fs::write(directory.join("results.json"), results)?;
    for kind in Kind::ALL {
        let file = directory.join(format!("{}.svg", kind.title().to_lowercase()));
        fs::write(file, picture(rows, kind))?;
    }
    for section in sections {
        if let Some(picture) = section.picture() {
            fs::write(
                directory.join(format!("{}.svg", section.part.slug())),
                picture,
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
            kernel: said("uname", &["-sr"]),
            rust: said("rustc", &["--version"]),
            commit: said("git", &["rev-parse", "--short", "HEAD"]),
        }
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .context("no answer")
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

fn of_kind(rows: &[Row], kind: Kind) -> impl Iterator<Item = &Row> {
    rows.iter().filter(move |row| row.kind == kind)
}

/// What the rows of a kind are compared with.
fn floor(rows: &[Row], kind: Kind) -> Option<f64> {
    let floor = of_kind(rows, kind).find(|row| row.name == kind.floor())?;
    floor
        .outcome
        .as_ref()
        .ok()
        .map(|figures| figures.cpu_micros)
}

fn text(rows: &[Row], sections: &[Section], machine: &Machine) -> String {
    let sections: String = sections.iter().map(Section::table).collect();
    table(rows, machine) + &sections
}

fn table(rows: &[Row], machine: &Machine) -> String {
    let mut text = format!(
        "# Benchmarks\n\nMade by `cargo xtask bench` at {}: {}, {} cores, {}, {}. Load and servers share the cores, so the \
         figure to compare is CPU per request: of all processes of the row, Redis included, from the kernel's accounting; \
         medians. Cookies and bearers are asked for more than there is time for, by `wrk` with a thread for each core and 64 \
         connections; `ValidateToken` by `h2load` with 4 connections. Every answer was looked at. Cold start: to the first \
         good answer.\n",
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

fn json(rows: &[Row], sections: &[Section], machine: &Machine) -> String {
    let sections: Vec<_> = sections.iter().map(Section::json).collect();
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
        sections.join(",\n")
    )
}

/// Bars of CPU per request.
fn picture(rows: &[Row], kind: Kind) -> String {
    let bars: Vec<_> = of_kind(rows, kind)
        .map(|row| Bar {
            name: &row.name,
            figure: row
                .outcome
                .as_ref()
                .map_or(0.0, |figures| figures.cpu_micros),
            said: match &row.outcome {
                Ok(figures) => format!("{:.1} µs", figures.cpu_micros),
                Err(_) => "failed".to_owned(),
            },
        })
        .collect();
    plot::bars(&format!("{}: CPU per request", kind.title()), &bars)
}
