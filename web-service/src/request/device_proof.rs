//! What a browser says about a missing device proof (Device Bound Session Credentials).

use axum::http::{HeaderMap, HeaderName};

use crate::request::headers::joined;

const SKIPPED: HeaderName = HeaderName::from_static("secure-session-skipped");

/// Whether `Secure-Session-Skipped` says that the browser wanted to prove the key of the session `sid`, and got no answer from this
/// service. After any other reason there the person has to sign in again.
#[must_use]
pub fn is_unanswered(headers: &HeaderMap, sid: &str) -> bool {
    let lines = headers.get_all(SKIPPED).into_iter();
    let mut skipped = lines
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|item| item.trim().split_once(';'));
    let session = format!(r#"session_identifier="{sid}""#);
    skipped.any(|(reason, parameter)| {
        ["server_error", "unreachable"].contains(&reason) && parameter.trim() == session
    })
}

/// Whether a page of another site navigated here, by fetch metadata.
#[must_use]
pub fn is_cross_site_navigation(headers: &HeaderMap) -> bool {
    let is = |name: &str, values: &[&str]| {
        joined(headers, name)
            .is_some_and(|value| values.iter().any(|expected| *value == *expected.as_bytes()))
    };
    is("sec-fetch-mode", &["navigate"])
        && is("sec-fetch-dest", &["document"])
        && is("sec-fetch-site", &["cross-site", "same-site"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn cross_site_navigation_is_top_level_and_from_elsewhere() {
        let navigates = |site, mode, dest| {
            is_cross_site_navigation(&headers(&[
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", dest),
            ]))
        };
        assert!(navigates("cross-site", "navigate", "document"));
        assert!(navigates("same-site", "navigate", "document"));
        assert!(!navigates("same-origin", "navigate", "document"));
        assert!(!navigates("none", "navigate", "document"));
        assert!(!navigates("cross-site", "no-cors", "image"));
        assert!(!navigates("cross-site", "navigate", "iframe"));
        assert!(!is_cross_site_navigation(&HeaderMap::new()));
    }

    #[test]
    fn unanswered_proof_is_one_that_this_service_failed_to_answer() {
        let is_unanswered =
            |value| is_unanswered(&headers(&[("secure-session-skipped", value)]), "a");
        assert!(is_unanswered("server_error;session_identifier=\"a\""));
        assert!(is_unanswered("unreachable;session_identifier=\"a\""));
        assert!(!is_unanswered("quota_exceeded;session_identifier=\"a\""));
        assert!(!is_unanswered("server_error;session_identifier=\"b\""));
        assert!(is_unanswered(
            "quota_exceeded;session_identifier=\"b\", server_error;session_identifier=\"a\""
        ));
        assert!(!super::is_unanswered(&HeaderMap::new(), "a"));
    }
}
