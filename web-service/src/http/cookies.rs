//! The cookies of this service, read strictly and written whole.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};

use crate::domain::{
    auth::DeviceId,
    device::PROOF_TTL,
    form_token::{FormTokens, SignedCookie},
    session_id::SessionId,
};

/// The session of a signed-in browser.
const SESSION: &str = "__Host-session";

/// Shows that the device of a bound session proved itself lately.
pub(super) const PROOF: &str = "__Host-session-proof";

/// Ties the sign-in form to the browser that it was shown to.
const LOGIN: &str = "__Host-login";

/// Tells a browser that somebody signed in with before; there, nobody else's wrong passwords make them wait. It opens nothing.
const KNOWN: &str = "__Host-known";

/// As long as auth-service remembers, 30 days.
const KNOWN_FOR: &str = "Max-Age=2592000";

/// `__Host-` needs `Secure` and `Path=/` and no `Domain`; no `Max-Age`, as the server decides when it ends.
pub(super) const ATTRIBUTES: &str = "HttpOnly; Secure; SameSite=Lax; Path=/";

/// The session id, if there is exactly one session cookie and its value is in canonical form.
#[must_use]
pub fn session_id(headers: &HeaderMap) -> Option<SessionId> {
    only(headers, SESSION)?.parse().ok()
}

/// What says that the device proved itself, if there is exactly one such cookie.
pub(super) fn proof(headers: &HeaderMap) -> Option<&str> {
    only(headers, PROOF)
}

/// What the sign-in cookie carries, if there is exactly one.
pub(super) fn login_nonce(headers: &HeaderMap, tokens: &dyn FormTokens) -> Option<[u8; 16]> {
    tokens.open_nonce(SignedCookie::SignIn, only(headers, LOGIN)?)
}

/// Which browser it is, if somebody signed in with it before.
pub(super) fn known_browser(headers: &HeaderMap, tokens: &dyn FormTokens) -> Option<DeviceId> {
    tokens.open_nonce(SignedCookie::KnownBrowser, only(headers, KNOWN)?)
}

pub(super) fn set_session(id: &SessionId) -> Option<HeaderValue> {
    set(SESSION, &id.expose())
}

pub(super) fn set_login(nonce: &[u8; 16], tokens: &dyn FormTokens) -> Option<HeaderValue> {
    set(LOGIN, &tokens.seal_nonce(SignedCookie::SignIn, nonce))
}

pub(super) fn set_known(device: &DeviceId, tokens: &dyn FormTokens) -> Option<HeaderValue> {
    let value = tokens.seal_nonce(SignedCookie::KnownBrowser, device);
    HeaderValue::try_from(format!("{KNOWN}={value}; {ATTRIBUTES}; {KNOWN_FOR}")).ok()
}

/// As long as the server takes it, so that browsers have it renewed in time.
pub(super) fn set_proof(ticket: &str) -> Option<HeaderValue> {
    let seconds = PROOF_TTL.as_secs();
    let cookie = format!("{PROOF}={ticket}; {ATTRIBUTES}; Max-Age={seconds}");
    let mut header = HeaderValue::try_from(cookie).ok()?;
    header.set_sensitive(true);
    Some(header)
}

pub(super) fn remove_proof() -> Option<HeaderValue> {
    remove(PROOF)
}

pub(super) fn remove_session() -> Option<HeaderValue> {
    remove(SESSION)
}

pub(super) fn remove_login() -> Option<HeaderValue> {
    remove(LOGIN)
}

/// The same response with a cookie set or removed.
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

fn remove(name: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{name}=; {ATTRIBUTES}; Max-Age=0")).ok()
}

/// All cookies but the session's two, for an application that has no business with it; `None` where there are no others.
pub(crate) fn without_session(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let others: Vec<_> = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty() && !pair.starts_with(SESSION.as_bytes()))
        .collect();
    let rest = HeaderValue::from_bytes(&others.join(b"; ".as_slice())).ok();
    rest.filter(|rest| !rest.is_empty())
}

/// Two cookies of one name mean that somebody planted one: neither counts. Other cookies may hold any bytes.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .into_iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| {
            let value = pair.trim_ascii().strip_prefix(name.as_bytes())?;
            value.strip_prefix(b"=")
        });
    let value = found.next()?;
    if found.next().is_some() {
        return None;
    }
    str::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    fn read(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(
                header::COOKIE,
                HeaderValue::from_bytes(line.as_bytes()).unwrap(),
            );
        }
        session_id(&headers).map(|id| id.expose())
    }

    #[test]
    fn exactly_one_canonical_session_cookie_counts() {
        assert_eq!(
            read(&[&format!("a=b; __Host-session={ID}; c=d")]).as_deref(),
            Some(ID)
        );
        assert_eq!(
            read(&["a=b", &format!("__Host-session={ID}")]).as_deref(),
            Some(ID)
        );
        assert_eq!(
            read(&[&format!("theme=dünn; __Host-session={ID}")]).as_deref(),
            Some(ID),
            "what others put there does not matter"
        );
        for lines in [
            vec![],
            vec![
                "__Host-session=dünn".to_owned(),
                format!("__Host-session={ID}"),
            ],
            vec!["a=b".to_owned()],
            vec![format!("__Host-session={ID}; __Host-session={ID}")],
            vec![
                format!("__Host-session={ID}"),
                "__Host-session=x".to_owned(),
            ],
            vec![format!("__Host-session=\"{ID}\"")],
            vec![format!("__host-session={ID}")],
            vec![format!("session={ID}")],
            vec![format!("__Host-session={ID}A")],
            vec!["__Host-session=".to_owned()],
        ] {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            assert_eq!(read(&lines), None, "{lines:?}");
        }
    }

    #[test]
    fn what_is_set_and_what_is_removed_have_the_same_attributes() {
        let set = set_session(&ID.parse().unwrap()).unwrap();
        assert_eq!(
            set,
            format!("__Host-session={ID}; HttpOnly; Secure; SameSite=Lax; Path=/")
        );
        let removed = remove_session().unwrap();
        assert_eq!(
            removed,
            "__Host-session=; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=0"
        );
        assert!(set.is_sensitive());
    }
}
