//! `Set-Cookie` for the cookies of this service.

use axum::{
    http::{HeaderValue, header},
    response::Response,
};
use holdfast_client::DeviceId;
use secrecy::ExposeSecret as _;
use time::Duration;

use crate::{
    request::cookie_names::CookieNames,
    session::{
        csrf_token::{CsrfTokens, SignedCookie},
        device_binding::protocol::PROOF_TTL,
        session_id::SessionId,
        trusted_browser::TrustedBrowserCookie,
    },
};

/// 30 days, as long as auth-service keeps known locations, and lists security events.
const KNOWN_MAX_AGE: &str = "Max-Age=2592000";

/// `__Host-` requires `Secure`, `Path=/` and no `Domain`. There is no `Max-Age`: the session record determines the end.
pub(super) const ATTRIBUTES: &str = "HttpOnly; Secure; SameSite=Lax; Path=/";

pub(super) fn set_session(names: &CookieNames, id: &SessionId) -> Option<HeaderValue> {
    set(&names.session, &id.expose())
}

pub(super) fn set_login(
    names: &CookieNames,
    nonce: &[u8; 16],
    tokens: &dyn CsrfTokens,
) -> Option<HeaderValue> {
    set(
        &names.login,
        &tokens.seal_nonce(SignedCookie::SignIn, nonce),
    )
}

pub(super) fn set_known(
    names: &CookieNames,
    device: &DeviceId,
    tokens: &dyn CsrfTokens,
) -> Option<HeaderValue> {
    let known = &names.known;
    let value = tokens.seal_nonce(SignedCookie::KnownBrowser, device.as_bytes());
    HeaderValue::try_from(format!("{known}={value}; {ATTRIBUTES}; {KNOWN_MAX_AGE}")).ok()
}

/// `Max-Age` is as long as the value is valid, so that browsers renew it in time.
pub(super) fn set_proof(names: &CookieNames, ticket: &str) -> Option<HeaderValue> {
    set_for(&names.proof, ticket, PROOF_TTL.as_secs())
}

/// `Max-Age` as that of the proof of a session.
pub(super) fn set_trusted_proof(names: &CookieNames, ticket: &str) -> Option<HeaderValue> {
    set_for(&names.trusted_proof, ticket, PROOF_TTL.as_secs())
}

/// `Max-Age` is as long as an attempt is valid.
pub(super) fn set_attempt(names: &CookieNames, value: &str) -> Option<HeaderValue> {
    set_for(&names.attempt, value, 600)
}

/// `Max-Age` is as long as auth-service accepts the token.
pub(super) fn set_trusted(
    names: &CookieNames,
    cookie: &TrustedBrowserCookie,
    lifetime: Duration,
) -> Option<HeaderValue> {
    let value = cookie.value();
    let seconds = u64::try_from(lifetime.whole_seconds()).unwrap_or_default();
    set_for(&names.trusted, value.expose_secret(), seconds)
}

/// `Max-Age` is as long as auth-service lists security events.
pub(super) fn set_notices(names: &CookieNames, value: &str) -> Option<HeaderValue> {
    let notices = &names.notices;
    HeaderValue::try_from(format!("{notices}={value}; {ATTRIBUTES}; {KNOWN_MAX_AGE}")).ok()
}

pub(super) fn remove_attempt(names: &CookieNames) -> Option<HeaderValue> {
    remove(&names.attempt)
}

pub(super) fn remove_proof(names: &CookieNames) -> Option<HeaderValue> {
    remove(&names.proof)
}

pub(super) fn remove_session(names: &CookieNames) -> Option<HeaderValue> {
    remove(&names.session)
}

pub(super) fn remove_login(names: &CookieNames) -> Option<HeaderValue> {
    remove(&names.login)
}

/// Adds a `Set-Cookie` to a response.
pub(super) fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn set(name: &str, value: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::try_from(format!("{name}={value}; {ATTRIBUTES}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

fn set_for(name: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
    let cookie = format!("{name}={value}; {ATTRIBUTES}; Max-Age={seconds}");
    let mut header = HeaderValue::try_from(cookie).ok()?;
    header.set_sensitive(true);
    Some(header)
}

fn remove(name: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{name}=; {ATTRIBUTES}; Max-Age=0")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn removal_has_the_attributes_of_the_cookie() {
        let names = CookieNames::default();
        let set = set_session(&names, &ID.parse().unwrap()).unwrap();
        assert_eq!(
            set,
            format!("__Host-session={ID}; HttpOnly; Secure; SameSite=Lax; Path=/")
        );
        let removed = remove_session(&names).unwrap();
        assert_eq!(
            removed,
            "__Host-session=; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=0"
        );
        assert!(set.is_sensitive());
    }
}
