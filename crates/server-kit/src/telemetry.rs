//! Logs on standard error, as text for people or as JSON for machines.

mod escape;
mod queue;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, IsTerminal as _},
    os::fd::AsFd as _,
    panic,
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use holdfast_core::rate_limited_log::LogRateLimiter;
use tracing_subscriber::EnvFilter;

use self::{escape::escape, queue::LineQueue};
use crate::config::Problems;

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be text or json"),
        }
    }
}

/// What is logged, and how.
#[derive(Debug)]
pub struct LogConfig {
    /// Which events are kept, in the syntax of `tracing`'s `EnvFilter`, such as `info,auth_service=debug`.
    pub filter: EnvFilter,
    /// How they are written.
    pub format: LogFormat,
}

impl LogConfig {
    /// Reads the settings `<PREFIX>_LOG` and `<PREFIX>_LOG_FORMAT`.
    pub fn parse(
        problems: &mut Problems,
        prefix: &str,
        filter: &str,
        format: &str,
    ) -> Option<Self> {
        let filter = problems.parse(&format!("{prefix}_LOG"), filter);
        let format = problems.parse(&format!("{prefix}_LOG_FORMAT"), format);
        Some(Self {
            filter: filter?,
            format: format?,
        })
    }
}

/// How long the end of a process waits for its last lines to be read.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Waits, when it is dropped, until the last lines are written, but not for long.
#[must_use = "without it the last lines may be lost"]
#[derive(Debug)]
pub struct LogGuard(LineQueue);

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.0.flush(LAST_LINES);
    }
}

/// Sends this process's log lines to standard error from now on, panics among them. Call it once, and keep the guard until the end.
/// A reader that takes nothing holds nobody up: what does not fit into a queue of 1 MiB is dropped, and the number of lost lines is
/// logged when others can be written again.
///
/// # Errors
/// When there is no thread or descriptor for it.
pub fn init(config: LogConfig) -> io::Result<LogGuard> {
    let has_colours = config.format == LogFormat::Text && io::stderr().is_terminal();
    // A descriptor of its own: whoever writes to `io::stderr` must not wait for the lock of a writer that is stuck.
    let output = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let queue = LineQueue::start(output, |dropped| {
        tracing::warn!(
            event = "log.lines_dropped",
            dropped,
            "log lines were dropped, as nobody read them in time"
        );
    })?;
    let writer = Writer {
        queue: queue.clone(),
        format: config.format,
        has_colours,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(config.filter)
        .with_writer(move || writer.clone())
        .log_internal_errors(false);
    match config.format {
        LogFormat::Text => builder.with_ansi(has_colours).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    let panics: Mutex<HashMap<Option<String>, LogRateLimiter>> = Mutex::default();
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string);
        let message = panic.payload_as_str().unwrap_or("no message");
        // A request that finds one can be repeated; places in the code are few.
        let mut panics = panics.lock().unwrap_or_else(PoisonError::into_inner);
        panics.entry(place.clone()).or_default().log(|times| {
            tracing::error!(
                panic = message,
                place,
                times,
                "something panicked; this is a bug"
            );
        });
    }));
    Ok(LogGuard(queue))
}

/// Takes one whole line at a time, as the subscriber writes them.
#[derive(Clone)]
struct Writer {
    queue: LineQueue,
    format: LogFormat,
    has_colours: bool,
}

impl io::Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.push(escape(line, self.format, self.has_colours));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
