//! Logs on standard error, as text or as JSON, and traces.

mod escape;
mod queue;
pub mod traces;

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

use holdfast_core::{
    random::Random,
    rate_limited_log::{LogRateLimiter, count_event},
};
use holdfast_trace::TARGET;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::LevelFilter, fmt, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use self::{
    escape::escape,
    queue::LineQueue,
    traces::{ExportGuard, TraceConfig},
};

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

/// Filter and format of the log, and traces, if they are on.
#[derive(Debug)]
pub struct TelemetryConfig {
    filter: EnvFilter,
    format: LogFormat,
    traces: Option<TraceConfig>,
}

impl TelemetryConfig {
    /// `filter` selects the events that are written, in the syntax of [`EnvFilter`], such as `info,auth_service=debug`.
    #[must_use]
    pub fn new(filter: &EnvFilter, format: LogFormat, traces: Option<TraceConfig>) -> Self {
        // Of two directives for one target, the later applies.
        let mut filter = format!("{LIBRARIES},{filter}");
        if traces.is_some() {
            filter = format!("{filter},{TARGET}=info");
        }
        Self {
            filter: EnvFilter::new(filter),
            format,
            traces,
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

/// Waits, when it is dropped, until the last spans are sent, for at most a second, and the last lines are written, for at most half a second.
#[must_use = "without it the last lines may be lost"]
#[derive(Debug)]
pub struct TelemetryGuard {
    lines: LineQueue,
    traces: Option<ExportGuard>,
}

impl Drop for TelemetryGuard {
    fn drop(&mut self) {
        // It may log.
        drop(self.traces.take());
        self.lines.flush(FLUSH_TIMEOUT);
    }
}

/// Installs the subscriber that writes log lines, and panics, to standard error, and exports traces. To be called once; the guard is to be
/// kept until the end of the process.
///
/// Logging never blocks, also where standard error is not read: lines that do not fit into a queue of 1 MiB are dropped, and their number
/// is logged when lines can be written again.
///
/// # Errors
/// When the thread or the file descriptor for it cannot be created.
pub fn init(config: TelemetryConfig, random: &dyn Random) -> io::Result<TelemetryGuard> {
    let has_colours = config.format == LogFormat::Text && io::stderr().is_terminal();
    // A separate descriptor, so that a blocked write does not hold the lock of `io::stderr`.
    let output = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let queue = LineQueue::start(output, |dropped| {
        count_event("log.lines_dropped");
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
    let lines = fmt::layer()
        .with_writer(move || writer.clone())
        .log_internal_errors(false);
    let filter = config.filter;
    let traces = config.traces.map(|traces| (traces, random));
    let traces = match config.format {
        LogFormat::Text => install(lines.with_ansi(has_colours), filter, traces)?,
        LogFormat::Json => install(lines.json().flatten_event(true), filter, traces)?,
    };
    log_panics();
    Ok(TelemetryGuard {
        lines: queue,
        traces,
    })
}

/// Installs the layer that writes log lines, and one for traces, if they are on.
fn install(
    lines: impl Layer<Registry> + Send + Sync,
    filter: EnvFilter,
    traces: Option<(TraceConfig, &dyn Random)>,
) -> io::Result<Option<ExportGuard>> {
    let lines = tracing_subscriber::registry().with(lines);
    let Some((config, random)) = traces else {
        lines.with(filter).init();
        return Ok(None);
    };
    let (layer, guard) = traces::start(config, random)?;
    lines.with(layer).with(filter).init();
    Ok(Some(guard))
}

/// Writes panics to the log.
fn log_panics() {
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
            TelemetryConfig::new(&filter, LogFormat::Text, None)
                .filter
                .to_string()
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
