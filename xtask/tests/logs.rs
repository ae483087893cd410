//! Log lines of level WARN and ERROR: each has an event that docs/OPERATIONS.md lists, and those that a request can cause are
//! written at most once in ten seconds.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod source;

use std::{
    collections::BTreeSet,
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

/// Lines that no request causes: they are logged at the start, at the stop, or by a background task with its own interval.
const NOT_BY_REQUESTS: &[&str] = &[
    "certificate.expired",
    "certificate.expires_soon",
    "certificate.reload_failed",
    "certificate.renewal_failed",
    "certificate.watch_stopped",
    "circuit_breaker.opened",
    "circuit_breaker.still_open",
    "clock.skewed",
    "connections.limit_lowered",
    "drain.deadline_exceeded",
    "drain.sign_ins_unfinished",
    "grpc.unencrypted",
    "issuer.differs",
    "log.lines_dropped",
    "redis.evicts",
    "redis.too_old",
    "retention.audit_failed",
    "retention.purge_failed",
    "revocation_stream.disconnected",
    "service_manager.not_notified",
    "store.standby_asynchronous",
    "thread.priority_unchanged",
];

/// The log macros of the levels that need an event.
const MACROS: [(&str, &str); 2] = [("tracing::warn!(", "warn"), ("tracing::error!(", "error")];

/// A call of a log macro.
struct LogCall {
    file: PathBuf,
    level: &'static str,
    arguments: String,
    /// Whether it is an argument of `LogRateLimiter::log`.
    is_limited: bool,
}

impl LogCall {
    /// The value of the field `event`.
    fn event(&self) -> Option<&str> {
        let (_, value) = self.arguments.split_once("event = \"")?;
        value.split('"').next()
    }
}

/// All log calls of level WARN and ERROR in the services and their crates.
fn log_calls() -> Vec<LogCall> {
    let directories = ["auth-service", "web-service", "crates"];
    let files = directories.map(|directory| source::rust_files(&source::root().join(directory)));
    let calls: Vec<_> = files
        .iter()
        .flatten()
        .flat_map(|file| calls_in(file))
        .collect();
    assert!(calls.len() > 30, "{}", calls.len());
    calls
}

fn calls_in(file: &Path) -> Vec<LogCall> {
    let code = fs::read_to_string(file).unwrap();
    let limited = limited_ranges(&code);
    let mut calls = Vec::new();
    for (name, level) in MACROS {
        for (at, _) in code.match_indices(name) {
            calls.push(LogCall {
                file: file.to_owned(),
                level,
                arguments: code[parentheses(&code, at + name.len() - 1)].to_owned(),
                is_limited: limited.iter().any(|range| range.contains(&at)),
            });
        }
    }
    calls
}

/// The arguments of every `.log(…)`: the calls of a `LogRateLimiter`.
fn limited_ranges(code: &str) -> Vec<Range<usize>> {
    let calls = code.match_indices(".log(");
    calls
        .map(|(at, call)| parentheses(code, at + call.len() - 1))
        .collect()
}

/// The range between the parenthesis at `open` and its counterpart. Parentheses in strings do not count.
fn parentheses(code: &str, open: usize) -> Range<usize> {
    let mut depth = 0;
    let mut is_string = false;
    let mut is_escaped = false;
    for (at, character) in code[open..].char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_string => is_escaped = true,
            '"' => is_string = !is_string,
            '(' if !is_string => depth += 1,
            ')' if !is_string => {
                depth -= 1;
                if depth == 0 {
                    return open + 1..open + at;
                }
            }
            _ => {}
        }
    }
    panic!("a parenthesis is not closed: {}", &code[open..])
}

#[test]
fn log_line_that_a_request_can_cause_is_limited() {
    for call in log_calls() {
        let is_exempt = NOT_BY_REQUESTS
            .iter()
            .any(|event| call.event() == Some(event));
        assert!(
            call.is_limited || is_exempt,
            "{}: a request could repeat this without bound; use holdfast_core::rate_limited_log::LogRateLimiter:\n{}",
            call.file.display(),
            call.arguments
        );
    }
}

/// The metric `log_events` counts by the name that the limiter has.
#[test]
fn limiter_has_the_name_of_the_event_that_it_logs() {
    for call in log_calls().into_iter().filter(|call| call.is_limited) {
        let event = call.event().unwrap_or_default();
        let code = fs::read_to_string(&call.file).unwrap();
        assert!(
            code.contains(&format!("LogRateLimiter::new(\"{event}\")")),
            "{}: the limiter of {event} has another name",
            call.file.display()
        );
    }
}

#[test]
fn log_line_of_warn_and_error_has_an_event() {
    for call in log_calls() {
        let event = call.event().unwrap_or_default();
        let is_well_formed = event.contains('.')
            && event
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || ".-_".contains(letter));
        assert!(
            is_well_formed,
            "{}: add event = \"subject.event\":\n{}",
            call.file.display(),
            call.arguments
        );
    }
}

#[test]
fn events_table_in_operations_lists_every_event_with_its_level() {
    let document = fs::read_to_string(source::root().join("docs/OPERATIONS.md")).unwrap();
    let (_, section) = document.split_once("\n## Events\n").unwrap();
    let rows = section.lines().take_while(|line| !line.starts_with("## "));
    // | `event` | level | …
    let listed: BTreeSet<(&str, &str)> = rows
        .filter_map(|row| row.strip_prefix("| `")?.split_once("` | "))
        .filter_map(|(event, rest)| Some((event, rest.split(" |").next()?)))
        .filter(|(_, level)| ["warn", "error"].contains(level))
        .collect();
    let calls = log_calls();
    let logged: BTreeSet<(&str, &str)> = calls
        .iter()
        .filter_map(|call| Some((call.event()?, call.level)))
        .collect();
    let missing: Vec<_> = logged.difference(&listed).collect();
    let obsolete: Vec<_> = listed.difference(&logged).collect();
    assert!(
        missing.is_empty() && obsolete.is_empty(),
        "docs/OPERATIONS.md, Events: missing {missing:?}, obsolete {obsolete:?}"
    );
}
