//! Logs on standard error, as text for people or as JSON for machines.

use std::{io, panic, str::FromStr};

use tracing_subscriber::EnvFilter;

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

/// Sends this process's log lines to standard error from now on, panics among them. Call it once.
pub fn init(config: LogConfig) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(config.filter)
        .with_writer(io::stderr)
        // It would panic where standard error is gone, and a service that nobody listens to must still be stoppable.
        .log_internal_errors(false);
    match config.format {
        LogFormat::Text => builder
            .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
            .init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(panic = message, place, "something panicked; this is a bug");
    }));
}
