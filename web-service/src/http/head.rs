//! Checks of the head of a request: it names one host, and is not too large.
//!
//! hyper's own limits are higher ([`serve`](mod@crate::http::serve)): a head that hyper rejects gets no error page and no log line, and the
//! usual cause is a browser with too many cookies.

use axum::{
    extract::Request,
    http::{HeaderMap, Uri, Version, header, uri::Authority},
};
use holdfast_core::rate_limited_log::LogRateLimiter;

use crate::request::forwarded::is_host_and_port;

/// Size of all cookies in one line, in bytes: browsers send those of every application of the host, and of its domain.
const MAX_COOKIES: usize = 16 * 1024;

/// Size of the target and all other fields, names and values, in bytes.
const MAX_FIELDS: usize = 16 * 1024;

/// Number of other fields.
const MAX_FIELD_COUNT: usize = 100;

static TOO_LARGE: LogRateLimiter = LogRateLimiter::new("request.head_too_large");

/// Why a head is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadError {
    /// There is no host, several, or an invalid one (RFC 9112 §3.2, RFC 9113 §8.3.1).
    Host,
    /// It is too large (RFC 6585 §5).
    TooLarge(Size),
}

/// The size of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    cookies: usize,
    fields: usize,
    field_count: usize,
}

impl HeadError {
    /// Logs the rejection.
    pub(super) fn log(self) {
        match self {
            Self::Host => tracing::debug!(
                event = "request.invalid_host",
                "a request without one valid host was refused"
            ),
            Self::TooLarge(Size {
                cookies,
                fields,
                field_count,
            }) => TOO_LARGE.log(|refused| {
                tracing::warn!(
                    event = "request.head_too_large",
                    refused,
                    cookies,
                    fields,
                    field_count,
                    "request heads are too large, most often because of cookies; responding 431"
                );
            }),
        }
    }
}

/// Checks the head of a request.
///
/// # Errors
/// [`HeadError`], each variant.
pub(super) fn check(request: &Request) -> Result<(), HeadError> {
    if !names_one_host(request.version(), request.uri(), request.headers()) {
        return Err(HeadError::Host);
    }
    let size = Size::of(request.uri(), request.headers());
    if size.is_too_large() {
        return Err(HeadError::TooLarge(size));
    }
    Ok(())
}

fn names_one_host(version: Version, uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).into_iter();
    let (host, another) = (hosts.next(), hosts.next());
    if another.is_some() || host.is_some_and(|host| !is_host_and_port(host.as_bytes())) {
        return false;
    }
    match (version, uri.authority(), host) {
        (Version::HTTP_09 | Version::HTTP_10, _, _) => true,
        // An absolute target takes precedence over `Host`, which is required nevertheless (RFC 9112 §3.2.2).
        (Version::HTTP_11, authority, Some(_)) => authority.is_none_or(is_valid),
        (Version::HTTP_11, _, None) => false,
        // `Host` may differ from it: no decision depends on either.
        (_, Some(authority), _) => is_valid(authority),
        (_, None, host) => host.is_some(),
    }
}

fn is_valid(authority: &Authority) -> bool {
    is_host_and_port(authority.as_str().as_bytes())
}

impl Size {
    fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let mut size = Self {
            fields: uri.path().len() + uri.query().map_or(0, str::len),
            ..Self::default()
        };
        for (name, value) in headers {
            if name == header::COOKIE {
                // HTTP/2 may send each cookie in a field of its own (RFC 9113 §8.2.3).
                let separator = if size.cookies == 0 { 0 } else { 2 };
                size.cookies += separator + value.len();
            } else {
                size.fields += name.as_str().len() + value.len();
                size.field_count += 1;
            }
        }
        size
    }

    const fn is_too_large(self) -> bool {
        self.cookies > MAX_COOKIES || self.fields > MAX_FIELDS || self.field_count > MAX_FIELD_COUNT
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    type Fields = &'static [(&'static str, &'static str)];

    fn request(version: Version, uri: &str, fields: &[(&str, &str)]) -> Request {
        let request = Request::builder().version(version).uri(uri);
        let request = fields.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn request_has_exactly_one_valid_host() {
        const ONE: (&str, &str) = ("host", "id.example");
        const TWO: Version = Version::HTTP_2;
        let cases: &[(Version, &str, Fields, bool)] = &[
            (Version::HTTP_11, "/", &[ONE], true),
            (Version::HTTP_11, "/", &[("host", "id.example:8443")], true),
            (Version::HTTP_11, "/", &[("host", "[::1]:8443")], true),
            (Version::HTTP_11, "/", &[("host", "127.0.0.1")], true),
            (Version::HTTP_11, "https://id.example/", &[ONE], true),
            (Version::HTTP_11, "/", &[], false),
            (Version::HTTP_11, "https://id.example/", &[], false),
            (Version::HTTP_11, "/", &[ONE, ONE], false),
            (
                Version::HTTP_11,
                "/",
                &[ONE, ("host", "evil.example")],
                false,
            ),
            (Version::HTTP_11, "/", &[("host", "")], false),
            (Version::HTTP_11, "/", &[("host", "a b")], false),
            (Version::HTTP_11, "/", &[("host", "a/b")], false),
            (Version::HTTP_11, "/", &[("host", "a,b")], false),
            (Version::HTTP_11, "/", &[("host", "user@a")], false),
            (Version::HTTP_11, "/", &[("host", "a:b")], false),
            (Version::HTTP_11, "/", &[("host", "[::1")], false),
            (Version::HTTP_11, "https://user@id.example/", &[ONE], false),
            (Version::HTTP_10, "/", &[], true),
            (Version::HTTP_10, "/", &[ONE], true),
            (Version::HTTP_10, "/", &[ONE, ONE], false),
            (Version::HTTP_10, "/", &[("host", "a b")], false),
            (TWO, "https://id.example/", &[], true),
            (TWO, "https://id.example/", &[ONE], true),
            (TWO, "https://id.example/", &[("host", "a b")], false),
            (TWO, "https://id.example/", &[ONE, ONE], false),
            (TWO, "https://user@id.example/", &[], false),
            (TWO, "/", &[ONE], true),
            (TWO, "/", &[], false),
        ];
        for (version, uri, fields, expected) in cases {
            let checked = check(&request(*version, uri, fields));
            let expected = if *expected {
                Ok(())
            } else {
                Err(HeadError::Host)
            };
            assert_eq!(checked, expected, "{version:?} {uri} {fields:?}");
        }
    }

    #[test]
    fn cookies_have_the_same_size_in_one_line_and_in_crumbs() {
        let crumb = "a".repeat(62);
        let crumbs = vec![("cookie", crumb.as_str()); 256];
        let line = vec![crumb.as_str(); 256].join("; ");
        let size = |fields: &[(&str, &str)]| {
            let request = request(Version::HTTP_2, "https://a/b?c", fields);
            Size::of(request.uri(), request.headers())
        };
        let expected = Size {
            cookies: 256 * 64 - 2,
            fields: 3,
            field_count: 0,
        };
        assert_eq!(size(&crumbs), expected);
        assert_eq!(size(&[("cookie", &line)]), expected);
        assert!(!expected.is_too_large());
        assert!(size(&[&crumbs[..], &[("cookie", "b")]].concat()).is_too_large());
    }
}
