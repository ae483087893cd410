//! What Envoy withholds from applications: the cookies of this service, and identity headers that a client sent.
//!
//! For other proxies the files in `deploy/` do the same.

use axum::http::{HeaderMap, HeaderValue};

use crate::request::{cookie_names::CookieNames, cookies};

/// All cookies but those of this service; `None` where there are no others.
///
/// A cookie is one of this service where one of its names occurs anywhere in it as a name: a proxy on the way may have joined lines with
/// commas, so that it follows the value of another cookie.
pub(super) fn cookies_of_application(
    headers: &HeaderMap,
    names: &CookieNames,
) -> Option<HeaderValue> {
    let others: Vec<_> = cookies::pairs(headers)
        .filter(|pair| !pair.is_empty() && !names.all().iter().any(|name| has_name(pair, name)))
        .collect();
    let rest = HeaderValue::from_bytes(&others.join(b"; ".as_slice())).ok();
    rest.filter(|rest| !rest.is_empty())
}

/// Whether `name` occurs in the pair, in any case, followed by a value or the end.
fn has_name(pair: &[u8], name: &str) -> bool {
    (0..pair.len()).any(|at| {
        let (found, rest) = pair[at..].split_at(name.len().min(pair.len() - at));
        found.eq_ignore_ascii_case(name.as_bytes())
            && matches!(rest.trim_ascii_start().first(), None | Some(b'='))
    })
}

/// Whether a server could read a header of this name as an identity header (`X-Auth-…`). CGI, WSGI and similar interfaces do not
/// distinguish `-`, `_` and, some of them, any other punctuation.
pub(super) fn could_be_identity(name: &str) -> bool {
    const START: &[u8] = b"x-auth-";
    let plain = |byte: u8| match byte.to_ascii_lowercase() {
        byte if byte.is_ascii_alphanumeric() => byte,
        _ => b'-',
    };
    name.len() >= START.len() && name.bytes().map(plain).zip(START).all(|(a, b)| a == *b)
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    type Lines = &'static [&'static [u8]];

    fn rest(names: &CookieNames, lines: &[&[u8]]) -> Option<Vec<u8>> {
        let lines = lines.iter().map(|line| HeaderValue::from_bytes(line));
        let headers = lines.map(|line| (header::COOKIE, line.unwrap())).collect();
        cookies_of_application(&headers, names).map(|rest| rest.as_bytes().to_vec())
    }

    #[test]
    fn cookies_of_this_service_are_removed_and_no_others() {
        let cases: &[(Lines, Option<&[u8]>)] = &[
            (&[], None),
            (&[b"__Host-session=a"], None),
            (
                &[b"theme=dark; __Host-session=a; lang=en"],
                Some(b"theme=dark; lang=en"),
            ),
            (
                &[b"__Host-known=a; theme=dark; __Host-login=b; __Host-session-proof=c"],
                Some(b"theme=dark"),
            ),
            (
                &[b"__Host-attempt=a; theme=dark; __Host-trusted=hfb_b"],
                Some(b"theme=dark"),
            ),
            // Crumbs, as HTTP/2 may send them.
            (
                &[
                    b"a=b",
                    b"__Host-session=a",
                    b"c=d",
                    b"__Host-session-proof=e",
                ],
                Some(b"a=b; c=d"),
            ),
            // Repeated, without a separator or with several.
            (
                &[b"__Host-session=a;__Host-session=b;;\t __Host-known=c ;a=b;"],
                Some(b"a=b"),
            ),
            // Planted by a script of the application, before the real one.
            (&[b"x__Host-session=1; __Host-session=a; y=z"], Some(b"y=z")),
            (
                &[b"__Host-session=; __host-SESSION=1; __Host-session=a; y=z"],
                Some(b"y=z"),
            ),
            (
                &[b"__Host-session =a; __Host-session\t=b; __Host-session; y=z"],
                Some(b"y=z"),
            ),
            (&[b"y=\"; __Host-session=a; z=\""], Some(b"y=\"; z=\"")),
            // Lines that a proxy joined.
            (&[b"a=b,__Host-session=a; y=z"], Some(b"y=z")),
            (&[b"a=b, __Host-session-proof=a; y=z"], Some(b"y=z")),
            // Other cookies, of any bytes.
            (
                &[b"t=d\xc3\xbcnn; __Host-sessions=1; __Host-cart=2; u=__Host-session"],
                Some(b"t=d\xc3\xbcnn; __Host-sessions=1; __Host-cart=2"),
            ),
            (&[b"\xff=\xfe; __Host-session=a"], Some(b"\xff=\xfe")),
        ];
        for (lines, expected) in cases {
            let rest = rest(&CookieNames::default(), lines);
            assert_eq!(rest.as_deref(), *expected, "{lines:?}");
        }
    }

    #[test]
    fn cookie_names_are_those_of_this_installation() {
        let names = CookieNames::with_prefix("staging").unwrap();
        let sent = b"__Host-staging-session=a; b=c; __Host-staging-known=d".as_slice();
        assert_eq!(rest(&names, &[sent]).as_deref(), Some(b"b=c".as_slice()));
    }

    #[test]
    fn every_spelling_of_an_identity_header_is_removed() {
        for name in [
            "x-auth-user",
            "X-Auth-User",
            "X_AUTH_USER",
            "x.auth.user",
            "x-auth.user",
            "x~auth|user",
            "x-auth-anything",
            "x*auth!user",
        ] {
            assert!(could_be_identity(name), "{name}");
        }
        for name in [
            "authorization",
            "x-auth",
            "x-authority",
            "x-authenticated-user",
            "xx-auth-user",
            "xauthuser",
            "x-csrf-token",
        ] {
            assert!(!could_be_identity(name), "{name}");
        }
    }
}
