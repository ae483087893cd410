//! Device Bound Session Credentials (W3C webappsec-dbsc): the browser generates a key, and proves it again every few minutes.

pub(super) mod refresh;
pub(super) mod register;
mod session_config;
pub(super) mod trust;

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};
use holdfast_client::ClientInfo;
use secrecy::{ExposeSecret as _, SecretString};

use self::session_config::SessionConfig;
use crate::{
    http::{
        api::problem::Problem,
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    service_error::ServiceError,
    session::{browser_session::Session, device_binding::AcceptedProof},
};

pub(crate) const BIND: &str = "/session/bind";
pub(crate) const REFRESH: &str = "/session/refresh";
pub(crate) const TRUST_BIND: &str = "/session/trust/bind";
pub(crate) const TRUST_REFRESH: &str = "/session/trust/refresh";

const REGISTRATION: HeaderName = HeaderName::from_static("secure-session-registration");
const CHALLENGE: HeaderName = HeaderName::from_static("secure-session-challenge");
const RESPONSE: HeaderName = HeaderName::from_static("secure-session-response");
const SESSION_ID: HeaderName = HeaderName::from_static("sec-secure-session-id");

/// The response with a registration challenge, by which the browser generates a key for the session of this login.
pub(super) fn with_registration(response: Response, state: &AppState, sid: &str) -> Response {
    with_registrations(response, state, (sid, None))
}

/// The same with one for the trust of the browser, if it has just been given this token.
pub(super) fn with_registrations(
    mut response: Response,
    state: &AppState,
    (sid, trusted): (&str, Option<&SecretString>),
) -> Response {
    let bindings = &state.bindings;
    let trust = trusted.and_then(|token| {
        let challenge = bindings.trust_registration_challenge(token.expose_secret());
        Some(registration(TRUST_BIND, &challenge?))
    });
    let session = bindings.registration_challenge(sid);
    let session = session.map(|challenge| registration(BIND, &challenge));
    let registrations: Vec<_> = session.into_iter().chain(trust).collect();
    if registrations.is_empty() {
        return response;
    }
    if let Ok(value) = HeaderValue::try_from(registrations.join(", ")) {
        response.headers_mut().insert(REGISTRATION, value);
    }
    response
}

fn registration(path: &str, challenge: &str) -> String {
    format!(r#"(ES256);path="{path}";challenge="{challenge}""#)
}

/// The value of a header of this protocol that is present once, bare or as a string (RFC 9651 §3.3.3).
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

/// Records a rejected proof in the audit trail.
async fn report_rejected_proof(
    state: &AppState,
    session: &Session,
    client: &ClientInfo,
) -> Result<(), Problem> {
    let reported = state.bindings.report_refused_proof(session, client).await;
    reported.map_err(|error| ServiceError::from(error).into())
}

/// The proof of the key (`Secure-Session-Response`).
fn proof(headers: &HeaderMap) -> Option<&str> {
    text(headers, &RESPONSE)
}

/// The response with a challenge for the next proof.
fn with_challenge(mut response: Response, sid: &str, challenge: &str) -> Response {
    if let Ok(value) = HeaderValue::try_from(format!(r#""{challenge}";id="{sid}""#)) {
        response.headers_mut().insert(CHALLENGE, value);
    }
    response
}

/// The response to a valid proof: the session configuration, the proof cookie, and the next challenge.
fn bound(state: &AppState, sid: &str, accepted: &AcceptedProof) -> Response {
    let mut response =
        SessionConfig::of(sid, &state.public_url, state.cookie_names()).into_response();
    if let Some(cookie) = set_cookie::set_proof(state.cookie_names(), &accepted.cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    with_challenge(response, sid, &accepted.next_challenge)
}

/// The response with both cookies of the session removed.
pub(super) fn with_cookies_removed(response: Response, state: &AppState) -> Response {
    let response = with_cookie(response, set_cookie::remove_session(state.cookie_names()));
    with_cookie(response, set_cookie::remove_proof(state.cookie_names()))
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
    fn proof_is_read_bare_or_quoted_and_never_repeated() {
        let read = |values: &[(&'static str, &str)]| proof(&headers(values)).map(str::to_owned);
        let name = "secure-session-response";
        assert_eq!(read(&[(name, "a.b.c")]).as_deref(), Some("a.b.c"));
        assert_eq!(read(&[(name, "\"a.b.c\"")]).as_deref(), Some("a.b.c"));
        assert_eq!(read(&[(name, "a"), (name, "a")]), None);
        assert_eq!(read(&[]), None);
    }
}
