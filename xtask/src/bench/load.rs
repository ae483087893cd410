//! Load from `wrk` and `h2load`, which look at each answer.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, ensure};

/// What `wrk` does with each answer; in the end it says how many were wrong.
const CHECK: &str = r#"
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(arguments)
  wrong = 0
  body = os.getenv("BENCH_BODY")
  for header in string.gmatch(os.getenv("BENCH_HEADERS"), "[^\n]+") do
    local name, value = string.match(header, "^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
end
function response(status, headers, answer)
  if status ~= 200 or not string.find(answer, body, 1, true) then wrong = wrong + 1 end
end
function done(summary, latency, requests)
  local all = 0
  for _, thread in ipairs(threads) do all = all + thread:get("wrong") end
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, all, failed,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
"#;

/// Connections at once.
const CONNECTIONS: &str = "16";
const STREAMS: &str = "4";
const GRPC_CONNECTIONS: &str = "4";
const AT_ONCE: u64 = 16;

/// What was answered in a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) requests: u64,
    pub(super) took: Duration,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

/// A run with what it cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) answered: Answered,
    pub(super) cpu_micros: f64,
    pub(super) redis_commands: f64,
}

/// What is asked, and what has to be answered.
pub(super) enum Load {
    /// With `wrk`.
    Http {
        url: String,
        /// Such as `Cookie: a=b`.
        headers: String,
        /// What each answer has to contain, besides the status 200.
        body: &'static str,
    },
    /// With `h2load`.
    Grpc {
        url: String,
        /// A file that holds the framed message.
        message: PathBuf,
    },
}

impl Load {
    pub(super) fn run(&self, length: Duration) -> anyhow::Result<Answered> {
        match self {
            Self::Http { url, headers, body } => http(url, headers, body, length),
            Self::Grpc { url, message } => grpc(url, message, length),
        }
    }
}

fn http(url: &str, headers: &str, body: &str, length: Duration) -> anyhow::Result<Answered> {
    let directory = super::services::scratch()?;
    let script = directory.join("check.lua");
    fs::write(&script, CHECK)?;
    let said = output(
        Command::new("wrk")
            .args(["--threads", "1", "--connections", CONNECTIONS])
            .args(["--duration", &format!("{}s", length.as_secs())])
            .arg("--script")
            .arg(&script)
            .arg(url)
            .env("BENCH_HEADERS", headers)
            .env("BENCH_BODY", body),
    )?;
    let line = said.lines().find_map(|line| line.strip_prefix("RESULT "));
    let numbers = line.context("wrk gave no result")?.split(' ');
    let numbers: Vec<u64> = numbers.map(str::parse).collect::<Result<_, _>>()?;
    let [requests, wrong, failed, took, p50, p99] = numbers[..] else {
        anyhow::bail!("wrk gave an unknown result");
    };
    ensure!(wrong == 0, "{wrong} of {requests} answers were wrong");
    ensure!(failed == 0, "{failed} requests failed");
    Ok(Answered {
        requests,
        took: Duration::from_micros(took),
        p50: Duration::from_micros(p50),
        p99: Duration::from_micros(p99),
    })
}

/// The bytes of a right answer are those of the first one, which is looked at; a refusal has no message at all.
fn grpc(url: &str, message: &Path, length: Duration) -> anyhow::Result<Answered> {
    let one = h2load(url, message, &["--requests", "1", "--clients", "1"])?;
    ensure!(one.bytes > 100, "the call is refused");
    let log = super::services::scratch()?.join("h2load.log");
    let _ = fs::remove_file(&log);
    let (log_file, duration) = (
        format!("--log-file={}", log.display()),
        format!("--duration={}", length.as_secs()),
    );
    let all = h2load(
        url,
        message,
        &[
            &duration,
            &log_file,
            "--clients",
            GRPC_CONNECTIONS,
            "--max-concurrent-streams",
            STREAMS,
        ],
    )?;
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

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(said)
}
