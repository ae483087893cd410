//! The content type of a request's body, which has to be there once.

use axum::http::{HeaderMap, header};

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
