//! The `Cookie` header: a session id is accepted only if the cookie occurs once, in its canonical spelling.
#![no_main]

use axum::http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;
use web_service::request::{cookie_names::CookieNames, cookies::session_id};

fuzz_target!(|data: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::COOKIE, value);
        }
    }
    if let Some(id) = session_id(&headers, &CookieNames::default()) {
        let pair = format!("__Host-session={}", id.expose());
        let found = data
            .windows(pair.len())
            .filter(|window| *window == pair.as_bytes())
            .count();
        // It may occur again in the value of another cookie.
        assert!(found >= 1);
    }
});
