//! The content type of a request's body.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
};

const FORM: &str = "application/x-www-form-urlencoded";

/// Removes a repeated `Content-Type`. Forms of other sites can send some types only, so that no check must see another of two values than the
/// next one does.
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

/// Whether the content type is `expected`, with any parameters and in any case (RFC 9110 §8.3.1).
pub(super) fn is(headers: &HeaderMap, expected: &str) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    let essence = content_type
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(expected)
}

/// Rewrites the content type of a form to the spelling that axum's `Form` requires.
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
    fn content_type_matches_in_any_case_and_with_parameters() {
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
