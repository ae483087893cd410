//! What an application behind a proxy does not get to see of a request: our cookies, and identity headers that a client wrote.
//!
//! The proxies in `deploy/` do the same in their own languages; for Envoy it is decided here.

use axum::http::{HeaderMap, HeaderValue};

use crate::{http::cookies, request::cookie_names::CookieNames};

/// All cookies but ours; `None` where there are no others.
///
/// A cookie counts as ours where one of our names stands anywhere in it as a name: lines that something on the way joined with
/// commas hide it behind another one's value.
pub(crate) fn cookies_of_application(
    headers: &HeaderMap,
    names: &CookieNames,
) -> Option<HeaderValue> {
    let others: Vec<_> = cookies::pairs(headers)
        .filter(|pair| !pair.is_empty() && !names.all().iter().any(|name| has_name(pair, name)))
        .collect();
    let rest = HeaderValue::from_bytes(&others.join(b"; ".as_slice())).ok();
    rest.filter(|rest| !rest.is_empty())
}

/// Whether `name` stands in the pair, in any case, and a value or the end follows.
fn has_name(pair: &[u8], name: &str) -> bool {
    (0..pair.len()).any(|at| {
        let (found, rest) = pair[at..].split_at(name.len().min(pair.len() - at));
        found.eq_ignore_ascii_case(name.as_bytes())
            && matches!(rest.trim_ascii_start().first(), None | Some(b'='))
    })
}

/// Whether a server could take a header of this name for one of ours (`X-AuthService-…`). CGI, WSGI and their like read `-`, `_` and, some of
/// them, any other punctuation as one and the same character.
pub(crate) fn could_be_identity(name: &str) -> bool {
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
    fn every_cookie_of_ours_is_taken_out_and_no_other() {
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
            // Repeated, with nothing or too much between them.
            (
                &[b"__Host-session=a;__Host-session=b;;\t __Host-known=c ;a=b;"],
                Some(b"a=b"),
            ),
            // Planted by a script of the application, to be found first.
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
            // Lines that were joined on the way.
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
    fn the_names_of_this_installation_count() {
        let names = CookieNames::with_prefix("staging").unwrap();
        let sent = b"__Host-staging-session=a; b=c; __Host-staging-known=d".as_slice();
        assert_eq!(rest(&names, &[sent]).as_deref(), Some(b"b=c".as_slice()));
    }

    #[test]
    fn no_spelling_of_an_identity_header_is_left() {
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
