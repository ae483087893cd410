//! Load from `h2load`.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, ensure};

use crate::load::{Answered, output};

const STREAMS: &str = "4";
const CONNECTIONS: u32 = 4;
const AT_ONCE: u64 = 16;

/// How fast it asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// Again as soon as there is an answer.
    AtOnce,
    /// So often in a second, over all connections.
    Steady(u32),
}

/// The bytes of a right answer are those of the first one, which is looked at; a refusal has no message at all.
pub(super) fn run(
    url: &str,
    message: &Path,
    pace: Pace,
    length: Duration,
) -> anyhow::Result<Answered> {
    let one = h2load(url, message, &["--requests", "1", "--clients", "1"])?;
    ensure!(one.bytes > 100, "the call is refused");
    let log = crate::scratch()?.join("h2load.log");
    let mut arguments = vec![
        format!("--log-file={}", log.display()),
        format!("--duration={}", length.as_secs()),
        format!("--clients={CONNECTIONS}"),
        format!("--max-concurrent-streams={STREAMS}"),
    ];
    if let Pace::Steady(rate) = pace {
        arguments.push(format!("--rps={}", rate / CONNECTIONS));
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let all = h2load(url, message, &arguments)?;
    ensure!(all.failed == 0, "{} calls failed", all.failed);
    // Calls that are cut off at the end may have had their message already.
    let messages = all.bytes / one.bytes;
    ensure!(
        all.bytes % one.bytes == 0 && (all.requests..=all.requests + AT_ONCE).contains(&messages),
        "some answers are of another length"
    );
    let mut micros: Vec<u64> = fs::read_to_string(log)?
        .lines()
        .filter_map(|line| line.split('\t').nth(2)?.parse().ok())
        .collect();
    micros.sort_unstable();
    let at = |percent: usize| {
        let index = micros.len() * percent / 100;
        Duration::from_micros(micros.get(index).copied().unwrap_or_default())
    };
    Ok(Answered {
        requests: all.requests,
        took: length,
        p50: at(50),
        p99: at(99),
    })
}

struct Calls {
    requests: u64,
    failed: u64,
    bytes: u64,
}

fn h2load(url: &str, message: &Path, arguments: &[&str]) -> anyhow::Result<Calls> {
    let said = output(
        Command::new("h2load")
            .args(arguments)
            .args(["--header", "content-type: application/grpc"])
            .args(["--header", "te: trailers"])
            .arg("--data")
            .arg(message)
            .arg(url),
    )?;
    // "requests: 10 total, 10 started, 10 done, 10 succeeded, 0 failed, …"
    let number = |line: &str, name: &str| {
        let line = said.lines().find(|said| said.starts_with(line))?;
        let part = line
            .split([',', ':'])
            .find(|part| part.trim_end().ends_with(name))?;
        part.split_whitespace().next()?.parse::<u64>().ok()
    };
    let bytes = said.lines().find(|line| line.starts_with("traffic:"));
    // "traffic: 1.2KB (1234) total, 12B (12) headers (space savings 90.00%), 1.1KB (1100) data"
    let bytes = bytes
        .and_then(|line| line.rsplit_once('(')?.1.split(')').next()?.parse().ok())
        .context("h2load gave no traffic")?;
    Ok(Calls {
        requests: number("requests:", "succeeded").context("h2load gave no requests")?,
        failed: number("requests:", "failed").context("h2load gave no failures")?,
        bytes,
    })
}
