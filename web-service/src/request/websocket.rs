//! Requests that open a WebSocket.

use axum::http::{HeaderMap, Method, header};

/// Whether a request changes nothing: it has a safe method (RFC 9110 §9.2.1) and does not open a WebSocket. That is a `GET` which
/// opens a way for changes, and a page of another origin may send it.
#[must_use]
pub fn is_safe_request(method: &Method, headers: &HeaderMap) -> bool {
    method.is_safe() && !opens_websocket(headers)
}

fn opens_websocket(headers: &HeaderMap) -> bool {
    let has = |name: &str, word: &str| {
        let mut values = headers.get_all(name).iter();
        values.any(|value| value.as_bytes().eq_ignore_ascii_case(word.as_bytes()))
    };
    // Over HTTP/2 there is no key (RFC 8441 §5.1).
    headers.contains_key(header::SEC_WEBSOCKET_KEY)
        || headers.contains_key(header::SEC_WEBSOCKET_VERSION)
        || has("sec-fetch-mode", "websocket")
        || has("upgrade", "websocket")
}
