//! Logs on standard error, as text or as JSON.

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
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use self::{escape::escape, queue::LineQueue};

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people to read.
    Text,
    /// One JSON object in each line.
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

/// Lines of libraries that are left out unless the filter names their targets: without a limit, one for each attempt to connect to a
/// database; notices of a migration. What they report is in the errors that the library returns.
const LIBRARIES: &str = "sqlx_core::pool=off,sqlx::postgres::notice=warn";

/// Filter and format of the log.
#[derive(Debug)]
pub struct LogConfig {
    filter: EnvFilter,
    format: LogFormat,
}

impl LogConfig {
    /// `filter` selects the events that are written, in the syntax of [`EnvFilter`], such as `info,auth_service=debug`.
    #[must_use]
    pub fn new(filter: &EnvFilter, format: LogFormat) -> Self {
        Self {
            // Of two directives for one target, the later applies.
            filter: EnvFilter::new(format!("{LIBRARIES},{filter}")),
            format,
        }
    }

    /// Whether events of the level `debug` or `trace` are selected.
    #[must_use]
    pub fn is_verbose(&self) -> bool {
        let most_verbose = self.filter.max_level_hint();
        most_verbose.is_none_or(|level| level > LevelFilter::INFO)
    }
}

/// Time that writing the last lines may take at the end of the process.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// Waits, when it is dropped, until the last lines are written, for at most half a second.
#[must_use = "without it the last lines may be lost"]
#[derive(Debug)]
pub struct LogGuard(LineQueue);

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.0.flush(FLUSH_TIMEOUT);
    }
}

/// Installs the subscriber that writes log lines, and panics, to standard error. To be called once; the guard is to be kept until the end
/// of the process.
///
/// Logging never blocks, also where standard error is not read: lines that do not fit into a queue of 1 MiB are dropped, and their number
/// is logged when lines can be written again.
///
/// # Errors
/// When the thread or the file descriptor for it cannot be created.
pub fn init(config: LogConfig) -> io::Result<LogGuard> {
    let has_colours = config.format == LogFormat::Text && io::stderr().is_terminal();
    // A separate descriptor, so that a blocked write does not hold the lock of `io::stderr`.
    let output = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let queue = LineQueue::start(output, |dropped| {
        tracing::warn!(
            event = "log.lines_dropped",
            dropped,
            "log lines were dropped, as standard error was not read"
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
        // Limited for each place in the code, as a request that causes a panic can be repeated.
        let mut panics = panics.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter = || LogRateLimiter::new("process.panicked");
        let limiter = panics.entry(place.clone()).or_insert_with(limiter);
        limiter.log(|times| {
            tracing::error!(
                event = "process.panicked",
                panic = message,
                place,
                times,
                "a thread panicked; this is a bug"
            );
        });
    }));
    Ok(LogGuard(queue))
}

/// Queues lines. The subscriber writes one whole line with each call.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_lines_of_libraries_are_left_out_unless_the_filter_names_them() {
        let filter = |text: &str| {
            let filter = text.parse().unwrap();
            LogConfig::new(&filter, LogFormat::Text).filter.to_string()
        };
        let directives =
            |text| -> Vec<String> { filter(text).split(',').map(str::to_owned).collect() };
        let default = directives("info");
        assert!(default.contains(&"info".to_owned()), "{default:?}");
        assert!(
            default.contains(&"sqlx_core::pool=off".to_owned()),
            "{default:?}"
        );
        let named = directives("info,sqlx_core::pool=warn");
        assert!(
            named.contains(&"sqlx_core::pool=warn".to_owned()),
            "{named:?}"
        );
        assert!(
            !named.contains(&"sqlx_core::pool=off".to_owned()),
            "{named:?}"
        );
    }
}
