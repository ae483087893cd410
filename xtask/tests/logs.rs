//! Log lines of level WARN and ERROR: those that a request can cause are written at most once in ten seconds.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod source;

use std::{fs, ops::Range};

/// Lines that no request causes: they are logged at the start, at the stop, or by a background task with its own interval.
const NOT_BY_REQUESTS: &[&str] = &[
    "gRPC is not encrypted and reachable from other machines",
    "requests were still in flight after",
    "expired logins were not deleted",
    "expired audit events were not deleted",
    "Redis connection lost; reconnecting",
    "Redis removes sessions when it is full",
    "Redis is too old to keep sessions",
    "Redis refuses CLIENT TRACKING; every session is read from Redis",
    "revocation stream disconnected; using the last known state",
    "the local certificate could not be renewed",
    "lowering the priority of a thread failed",
    "peer unavailable; rejecting calls until a probe succeeds",
    "peer still unavailable",
    "a certificate expires soon; replace it",
    "a certificate has expired; replace it",
    "watching TLS files stopped; changes take effect at the next start",
    "the changed certificate cannot be used; keeping the current one",
    "sign-ins were unfinished at shutdown",
    "log lines were dropped, as standard error was not read",
    "the limit of open files (ulimit -n) allows fewer connections",
    "AUTH_ISSUER of auth-service is not WEB_PUBLIC_URL",
    "the clocks of the two services differ by more than 30 seconds",
];

/// A call of a log macro.
struct LogCall<'a> {
    at: usize,
    /// The arguments.
    arguments: &'a str,
}

/// All `tracing::warn!(…)` and `tracing::error!(…)` in a source file.
fn log_calls(code: &str) -> Vec<LogCall<'_>> {
    let mut calls = Vec::new();
    for name in ["tracing::warn!(", "tracing::error!("] {
        for (at, _) in code.match_indices(name) {
            let arguments = &code[parentheses(code, at + name.len() - 1)];
            calls.push(LogCall { at, arguments });
        }
    }
    calls
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

/// The arguments of every `.log(…)`: the calls of a `LogRateLimiter`.
fn limited_ranges(code: &str) -> Vec<Range<usize>> {
    let calls = code.match_indices(".log(");
    calls
        .map(|(at, call)| parentheses(code, at + call.len() - 1))
        .collect()
}

#[test]
fn log_line_that_a_request_can_cause_is_limited() {
    let mut count = 0;
    for directory in ["auth-service", "web-service", "crates"] {
        for file in source::rust_files(&source::root().join(directory)) {
            let code = fs::read_to_string(&file).unwrap();
            let limited = limited_ranges(&code);
            for LogCall { at, arguments } in log_calls(&code) {
                count += 1;
                let is_limited = limited.iter().any(|range| range.contains(&at));
                let is_exempt = NOT_BY_REQUESTS.iter().any(|text| arguments.contains(text));
                assert!(
                    is_limited || is_exempt,
                    "{}: a request could repeat this without bound; use holdfast_core::rate_limited_log::LogRateLimiter:\n{arguments}",
                    file.display()
                );
            }
        }
    }
    assert!(count > 30, "{count}");
}
