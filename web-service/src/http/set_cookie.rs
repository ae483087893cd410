//! The cookies of this service, read strictly and written whole.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use holdfast_client::auth::DeviceId;

use crate::{
    request::cookie_names::CookieNames,
    session::{
        csrf_token::{CsrfTokens, SignedCookie},
        device::PROOF_TTL,
        session_id::SessionId,
    },
};

/// As long as auth-service remembers, 30 days.
const KNOWN_FOR: &str = "Max-Age=2592000";

/// `__Host-` needs `Secure` and `Path=/` and no `Domain`; no `Max-Age`, as the server decides when it ends.
pub(super) const ATTRIBUTES: &str = "HttpOnly; Secure; SameSite=Lax; Path=/";

/// The session id, if there is exactly one session cookie and its value is in canonical form.
#[must_use]
pub fn session_id(headers: &HeaderMap, names: &CookieNames) -> Option<SessionId> {
    only(headers, &names.session)?.parse().ok()
}

/// What says that the device proved itself, if there is exactly one such cookie.
pub(super) fn proof<'a>(headers: &'a HeaderMap, names: &CookieNames) -> Option<&'a str> {
    only(headers, &names.proof)
}

/// What the sign-in cookie carries, if there is exactly one.
pub(super) fn login_nonce(
    headers: &HeaderMap,
    names: &CookieNames,
    tokens: &dyn CsrfTokens,
) -> Option<[u8; 16]> {
    tokens.open_nonce(SignedCookie::SignIn, only(headers, &names.login)?)
}

/// Which browser it is, if somebody signed in with it before.
pub(super) fn known_browser(
    headers: &HeaderMap,
    names: &CookieNames,
    tokens: &dyn CsrfTokens,
) -> Option<DeviceId> {
    tokens.open_nonce(SignedCookie::KnownBrowser, only(headers, &names.known)?)
}

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
    let value = tokens.seal_nonce(SignedCookie::KnownBrowser, device);
    HeaderValue::try_from(format!("{known}={value}; {ATTRIBUTES}; {KNOWN_FOR}")).ok()
}

/// As long as the server takes it, so that browsers have it renewed in time.
pub(super) fn set_proof(names: &CookieNames, ticket: &str) -> Option<HeaderValue> {
    let proof = &names.proof;
    let seconds = PROOF_TTL.as_secs();
    let cookie = format!("{proof}={ticket}; {ATTRIBUTES}; Max-Age={seconds}");
    let mut header = HeaderValue::try_from(cookie).ok()?;
    header.set_sensitive(true);
    Some(header)
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

/// Every `name=value` that was sent, from all lines, without the blanks around it.
pub(super) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .map(<[u8]>::trim_ascii)
}

/// Two cookies of one name mean that somebody planted one: neither counts. Other cookies may hold any bytes.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = pairs(headers).filter_map(|pair| {
        let value = pair.strip_prefix(name.as_bytes())?;
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
        session_id(&headers, &CookieNames::default()).map(|id| id.expose())
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
