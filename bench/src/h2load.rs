//! gRPC load by `h2load`.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, ensure};

use crate::generator::{LoadResult, output};

const STREAMS: &str = "4";
const CONNECTIONS: u32 = 4;
const CONCURRENCY: u64 = 16;

/// When the next call starts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// As soon as the previous one has its response.
    ClosedLoop,
    /// This often in a second, over all connections.
    Rate(u32),
}

/// Calls for `length`. A response is correct if it has as many bytes as that of a single call before; an error has no message.
pub(super) fn run(
    url: &str,
    message: &Path,
    pace: Pace,
    length: Duration,
) -> anyhow::Result<LoadResult> {
    let one = h2load(url, message, &["--requests", "1", "--clients", "1"])?;
    ensure!(one.bytes > 100, "the call is rejected");
    let log = crate::scratch_directory()?.join("h2load.log");
    let mut arguments = vec![
        format!("--log-file={}", log.display()),
        format!("--duration={}", length.as_secs()),
        format!("--clients={CONNECTIONS}"),
        format!("--max-concurrent-streams={STREAMS}"),
    ];
    if let Pace::Rate(rate) = pace {
        arguments.push(format!("--rps={}", rate / CONNECTIONS));
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let all = h2load(url, message, &arguments)?;
    ensure!(all.failed == 0, "{} calls failed", all.failed);
    // Calls that are cut off at the end may have received their message.
    let messages = all.bytes / one.bytes;
    ensure!(
        all.bytes % one.bytes == 0
            && (all.requests..=all.requests + CONCURRENCY).contains(&messages),
        "some responses have another length"
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
    Ok(LoadResult {
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
    let text = output(
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
        let line = text.lines().find(|text| text.starts_with(line))?;
        let field = line
            .split([',', ':'])
            .find(|field| field.trim_end().ends_with(name))?;
        field.split_whitespace().next()?.parse::<u64>().ok()
    };
    let bytes = text.lines().find(|line| line.starts_with("traffic:"));
    // "traffic: 1.2KB (1234) total, 12B (12) headers (space savings 90.00%), 1.1KB (1100) data"
    let bytes = bytes
        .and_then(|line| line.rsplit_once('(')?.1.split(')').next()?.parse().ok())
        .context("h2load printed no traffic")?;
    Ok(Calls {
        requests: number("requests:", "succeeded").context("h2load printed no requests")?,
        failed: number("requests:", "failed").context("h2load printed no failures")?,
        bytes,
    })
}
