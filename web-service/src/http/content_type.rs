//! The content type of a request's body, which has to be there once.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
};

const FORM: &str = "application/x-www-form-urlencoded";

/// Removes `Content-Type` where it is repeated. A form of another site may send some types and not others, so the first of two
/// must not pass for the one that was checked elsewhere.
pub(super) fn remove_repeated(headers: &mut HeaderMap) {
    if headers
        .get_all(header::CONTENT_TYPE)
        .iter()
        .nth(1)
        .is_some()
    {
        headers.remove(header::CONTENT_TYPE);
    }
}

/// Whether the content type is this one, with whatever parameters; case does not matter (RFC 9110 §8.3.1).
pub(super) fn is(headers: &HeaderMap, expected: &str) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    let essence = content_type
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(expected)
}

/// The same request, with the content type of forms in the one spelling that axum's `Form` knows.
pub(super) fn with_plain_form(mut request: Request) -> Request {
    if is(request.headers(), FORM) {
        let plain = HeaderValue::from_static(FORM);
        request.headers_mut().insert(header::CONTENT_TYPE, plain);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_case_nor_parameters_matter() {
        let is_form = |text: &'static str| {
            let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(text));
            is(&HeaderMap::from_iter([content_type]), FORM)
        };
        assert!(is_form("application/x-www-form-urlencoded"));
        assert!(is_form("Application/X-WWW-Form-Urlencoded"));
        assert!(is_form("application/x-www-form-urlencoded; charset=UTF-8"));
        assert!(is_form("APPLICATION/x-www-form-urlencoded ;charset=utf-8"));
        for other in [
            "",
            "application/x-www-form-urlencodedx",
            "application/json",
            "text/plain; application/x-www-form-urlencoded",
        ] {
            assert!(!is_form(other), "{other:?}");
        }
        assert!(!is(&HeaderMap::new(), FORM));
    }
}
