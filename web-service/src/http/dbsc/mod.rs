//! Device Bound Session Credentials (W3C webappsec-dbsc): the browser makes a key, and shows it again every few minutes.
//!
//! Both routes stand outside what guards against requests of foreign pages, but for those that say `cross-site`: without a proof they
//! do nothing.

pub(super) mod refresh;
pub(super) mod register;
mod session_config;

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};
use holdfast_client::auth::ClientInfo;

use self::session_config::Instructions;
use crate::{
    http::{
        api::problem::Problem,
        cookies::{self, with_cookie},
        csrf::joined,
        service_error::Failure,
        state::AppState,
    },
    session::{browser_session::Session, device_binding::Renewed},
};

const BIND: &str = "/session/bind";
const REFRESH: &str = "/session/refresh";

const REGISTRATION: HeaderName = HeaderName::from_static("secure-session-registration");
const CHALLENGE: HeaderName = HeaderName::from_static("secure-session-challenge");
const RESPONSE: HeaderName = HeaderName::from_static("secure-session-response");
const SKIPPED: HeaderName = HeaderName::from_static("secure-session-skipped");
const SESSION_ID: HeaderName = HeaderName::from_static("sec-secure-session-id");

/// Invites the browser to make a key for the session of this login.
pub(super) fn with_invitation(mut response: Response, state: &AppState, sid: &str) -> Response {
    let invitation = state
        .bindings
        .registration_challenge(sid)
        .and_then(|challenge| {
            let value = format!(r#"(ES256);path="{BIND}";challenge="{challenge}""#);
            HeaderValue::try_from(value).ok()
        });
    if let Some(invitation) = invitation {
        response.headers_mut().insert(REGISTRATION, invitation);
    }
    response
}

/// Whether the browser says that it wanted to show this session's key, and had no answer from us. What else it may say there
/// leaves signing in again as the way on.
pub(super) fn was_not_answered(headers: &HeaderMap, sid: &str) -> bool {
    let lines = headers.get_all(SKIPPED).into_iter();
    let mut told = lines
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|item| item.trim().split_once(';'));
    let session = format!(r#"session_identifier="{sid}""#);
    told.any(|(why, of)| ["server_error", "unreachable"].contains(&why) && of.trim() == session)
}

/// Whether a page of another site led to this page, as the browser tells.
pub(super) fn is_led_here(headers: &HeaderMap) -> bool {
    let is = |name: &str, values: &[&str]| {
        joined(headers, name)
            .is_some_and(|value| values.iter().any(|expected| *value == *expected.as_bytes()))
    };
    is("sec-fetch-mode", &["navigate"])
        && is("sec-fetch-dest", &["document"])
        && is("sec-fetch-site", &["cross-site", "same-site"])
}

/// A header of this protocol that stands there once, bare or as a string (RFC 9651 §3.3.3).
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Some(quoted.unwrap_or(value))
}

/// Somebody has to look at this.
async fn tell_refused(
    state: &AppState,
    session: &Session,
    client: &ClientInfo,
) -> Result<(), Problem> {
    let told = state.bindings.refused(session, client).await;
    told.map_err(|error| Failure::from(error).into())
}

/// The proof of the key, if there is one.
fn proof(headers: &HeaderMap) -> Option<&str> {
    text(headers, &RESPONSE)
}

/// The same response with a challenge for the next proof.
fn with_challenge(mut response: Response, sid: &str, challenge: &str) -> Response {
    if let Ok(value) = HeaderValue::try_from(format!(r#""{challenge}";id="{sid}""#)) {
        response.headers_mut().insert(CHALLENGE, value);
    }
    response
}

/// What the browser gets for a good proof: how the session works, the proof cookie, and the next challenge.
fn renewed(state: &AppState, sid: &str, renewed: &Renewed) -> Response {
    let mut response =
        Instructions::of(sid, &state.public_url, &state.cookie_names).into_response();
    if let Some(cookie) = cookies::set_proof(&state.cookie_names, &renewed.ticket) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    with_challenge(response, sid, &renewed.challenge)
}

/// The same response without a session in the browser: both of its cookies go.
pub(super) fn with_cookies_removed(response: Response, state: &AppState) -> Response {
    let response = with_cookie(response, cookies::remove_session(&state.cookie_names));
    with_cookie(response, cookies::remove_proof(&state.cookie_names))
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
    fn a_proof_is_read_bare_and_quoted_and_never_twice() {
        let read = |values: &[(&'static str, &str)]| proof(&headers(values)).map(str::to_owned);
        let name = "secure-session-response";
        assert_eq!(read(&[(name, "a.b.c")]).as_deref(), Some("a.b.c"));
        assert_eq!(read(&[(name, "\"a.b.c\"")]).as_deref(), Some("a.b.c"));
        assert_eq!(read(&[(name, "a"), (name, "a")]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn only_top_level_navigation_from_elsewhere_is_led_here() {
        let led = |site, mode, dest| {
            is_led_here(&headers(&[
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", dest),
            ]))
        };
        assert!(led("cross-site", "navigate", "document"));
        assert!(led("same-site", "navigate", "document"));
        assert!(!led("same-origin", "navigate", "document"));
        assert!(!led("none", "navigate", "document"));
        assert!(!led("cross-site", "no-cors", "image"));
        assert!(!led("cross-site", "navigate", "iframe"));
        assert!(!is_led_here(&HeaderMap::new()));
    }

    #[test]
    fn only_our_own_silence_counts_as_no_answer() {
        let skipped = |said| was_not_answered(&headers(&[("secure-session-skipped", said)]), "a");
        assert!(skipped("server_error;session_identifier=\"a\""));
        assert!(skipped("unreachable;session_identifier=\"a\""));
        assert!(!skipped("quota_exceeded;session_identifier=\"a\""));
        assert!(!skipped("server_error;session_identifier=\"b\""));
        assert!(skipped(
            "quota_exceeded;session_identifier=\"b\", server_error;session_identifier=\"a\""
        ));
        assert!(!was_not_answered(&HeaderMap::new(), "a"));
    }
}
