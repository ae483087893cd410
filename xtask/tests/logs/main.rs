//! Log lines: each has an event that docs/OPERATIONS.md lists, and lines of level WARN and ERROR that a request can cause are written at
//! most once in ten seconds.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod calls;
#[path = "../source/mod.rs"]
mod source;
mod table;

use std::{env, fs, path::Path};

use calls::log_calls;

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
    "retention.signals_failed",
    "revocation_stream.disconnected",
    "service_manager.not_notified",
    "store.standby_asynchronous",
    "thread.priority_unchanged",
];

#[test]
fn log_line_that_a_request_can_cause_is_limited() {
    let severe = |level| ["warn", "error"].contains(&level);
    for call in log_calls().into_iter().filter(|call| severe(call.level)) {
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
fn log_line_has_an_event() {
    for call in log_calls() {
        let event = call.event().unwrap_or_default();
        let is_well_formed = event.contains('.')
            && event
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || "._".contains(letter));
        assert!(
            is_well_formed,
            "{}: add event = \"subject.event\":\n{}",
            call.file.display(),
            call.arguments
        );
    }
}

/// So that the tests find each call, and its level.
#[test]
fn log_macro_is_named_with_its_crate_and_level() {
    for file in calls::files() {
        let code = fs::read_to_string(&file).unwrap();
        assert!(!calls::has_other_macro(&code), "{}", file.display());
    }
}

#[test]
fn events_table_in_operations_lists_every_event() {
    let file = source::root().join("docs/OPERATIONS.md");
    let document = fs::read_to_string(&file).unwrap();
    compare_or_write(&file, &table::Document::parse(&document).generate());
}

/// The generated source of the counted events, before the first one.
const LOG_EVENTS_HEAD: &str = "\
//! The names of the events that `log_events_total` counts. `UPDATE_DOCS=1 cargo test -p xtask --test logs` writes this file.

/// Events whose series exist from the start.
pub(super) const LOG_EVENTS: &[&str] = &[
";

#[test]
fn log_events_of_a_service_are_those_that_its_source_counts() {
    for service in calls::SERVICES {
        let file = source::root().join(service).join("src/app/log_events.rs");
        let events = calls::counted_events(service).into_iter();
        let lines: Vec<_> = events.map(|event| format!("    \"{event}\",\n")).collect();
        let text = format!("{LOG_EVENTS_HEAD}{}];\n", lines.concat());
        compare_or_write(&file, &text);
    }
}

/// Compares a generated text with a file, or writes the file where `UPDATE_DOCS` is set.
fn compare_or_write(file: &Path, text: &str) {
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(file, text).unwrap();
    }
    let is_current = fs::read_to_string(file).unwrap_or_default() == text;
    let file = file.display();
    assert!(
        is_current,
        "UPDATE_DOCS=1 cargo test -p xtask --test logs writes {file}"
    );
}
