//! Lines of level WARN and ERROR that a request can cause come once in ten seconds, however often the request does.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What no request causes: it is said at the start, at the stop, or by what runs in the background in its own rhythm.
const NOT_BY_REQUESTS: [&str; 22] = [
    "gRPC is not encrypted and reachable from other machines",
    "requests were still in flight after",
    "expired logins were not deleted",
    "expired audit events were not deleted",
    "Redis connection lost; reconnecting",
    "Redis removes sessions when it is full",
    "Redis is too old to keep sessions",
    "Redis does not tell what changes; every session is read from it",
    "the ends of logins are not heard of; cookies are judged by what was heard",
    "the local certificate could not be renewed",
    "a thread that should stand back does not",
    "no answer; calls are refused until there is one",
    "still no answer",
    "a certificate ends soon; replace it",
    "a certificate has expired; replace it",
    "certificates are not watched any more",
    "the changed certificate cannot be used; the old one stays",
    "sign-ins were unfinished at shutdown",
    "log lines were dropped, as nobody read them in time",
    "the limit of open files (ulimit -n) allows fewer connections",
    "AUTH_ISSUER of auth-service is not WEB_PUBLIC_URL",
    "the clocks of the two services differ by more than 30 seconds",
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn what_a_request_can_cause_is_limited() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for crate_name in ["auth-service", "web-service", "crates"] {
        sources(&root.join(crate_name), &mut files);
    }
    let mut seen = 0;
    for file in files {
        let code = fs::read_to_string(&file).unwrap();
        for (at, _) in code
            .match_indices("tracing::warn!(")
            .chain(code.match_indices("tracing::error!("))
        {
            seen += 1;
            // `LINES.log(|times| tracing::warn!(…))`, perhaps over a few lines.
            let before: String = code[..at].chars().rev().take(60).collect();
            let before: String = before.chars().rev().collect();
            let is_limited = before.contains(".log(");
            let rest: String = code[at..].chars().take(400).collect();
            let is_other = NOT_BY_REQUESTS.iter().any(|text| rest.contains(text));
            assert!(
                is_limited || is_other,
                "{}: a request could repeat this without bound; use holdfast_core::rate_limited_log::LogRateLimiter:\n{rest}",
                file.display()
            );
        }
    }
    assert!(seen > 30, "{seen}");
}
