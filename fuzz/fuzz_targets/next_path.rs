//! Redirect targets after sign-in: an accepted one is on this origin and is a valid header value.
#![no_main]

use axum::http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use url::Url;
use web_service::request::local_path::LocalPath;

fuzz_target!(|text: &str| {
    let Ok(path) = text.parse::<LocalPath>() else {
        return;
    };
    let own = Url::parse("https://id.example/login?next=x").unwrap();
    let target = own.join(path.as_str()).expect("a browser can read it");
    assert_eq!(target.origin(), own.origin(), "{path}");
    assert!(
        target.username().is_empty() && target.password().is_none(),
        "{path}"
    );
    assert!(HeaderValue::from_str(path.as_str()).is_ok(), "{path}");
});
