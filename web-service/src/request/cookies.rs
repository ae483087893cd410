//! The cookies of this service in a request, read strictly.

use axum::http::{HeaderMap, header};
use holdfast_client::DeviceId;

use crate::{
    request::cookie_names::CookieNames,
    session::{
        csrf_token::{CsrfTokens, SignedCookie},
        session_id::SessionId,
        trusted_browser::TrustedBrowserCookie,
    },
};

/// The session id, if there is exactly one session cookie and its value is in canonical form.
#[must_use]
pub fn session_id(headers: &HeaderMap, names: &CookieNames) -> Option<SessionId> {
    only(headers, &names.session)?.parse().ok()
}

/// The value of the proof cookie of a bound session, if there is exactly one.
#[must_use]
pub fn proof<'a>(headers: &'a HeaderMap, names: &CookieNames) -> Option<&'a str> {
    only(headers, &names.proof)
}

/// The nonce in the sign-in cookie, if there is exactly one and it was made here.
pub fn login_nonce(
    headers: &HeaderMap,
    names: &CookieNames,
    tokens: &dyn CsrfTokens,
) -> Option<[u8; 16]> {
    tokens.open_nonce(SignedCookie::SignIn, only(headers, &names.login)?)
}

/// The device id of a browser in which a person signed in before.
pub fn known_browser(
    headers: &HeaderMap,
    names: &CookieNames,
    tokens: &dyn CsrfTokens,
) -> Option<DeviceId> {
    let cookie = only(headers, &names.known)?;
    tokens
        .open_nonce(SignedCookie::KnownBrowser, cookie)
        .map(DeviceId::new)
}

/// The value of the cookie of an authentication that is in progress, if there is exactly one.
#[must_use]
pub fn attempt<'a>(headers: &'a HeaderMap, names: &CookieNames) -> Option<&'a str> {
    only(headers, &names.attempt)
}

/// The cookie of a trusted browser, if there is exactly one. The form of its token is checked by auth-service.
#[must_use]
pub fn trusted_browser(headers: &HeaderMap, names: &CookieNames) -> Option<TrustedBrowserCookie> {
    TrustedBrowserCookie::parse(only(headers, &names.trusted)?)
}

/// The value of the cookie that shows the device key of a trusted browser, if there is exactly one.
#[must_use]
pub fn trusted_proof<'a>(headers: &'a HeaderMap, names: &CookieNames) -> Option<&'a str> {
    only(headers, &names.trusted_proof)
}

/// The value of the cookie of acknowledged security events, if there is exactly one.
#[must_use]
pub fn notices<'a>(headers: &'a HeaderMap, names: &CookieNames) -> Option<&'a str> {
    only(headers, &names.notices)
}

/// Every `name=value` of a request, from all `Cookie` lines, without surrounding blanks.
pub fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .map(<[u8]>::trim_ascii)
}

/// The value of the only cookie of this name. Two mean that one was planted, and neither counts. Other cookies may contain any bytes.
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
    use axum::http::HeaderValue;

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
            "other cookies do not matter"
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
}
