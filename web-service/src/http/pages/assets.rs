//! Static files, compiled into the program.

use axum::{
    http::{HeaderName, header},
    response::IntoResponse,
};

const CACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=3600");

/// `GET /static/style.css`: the style sheet of all pages.
pub(in crate::http) async fn style() -> impl IntoResponse {
    let kind = (header::CONTENT_TYPE, "text/css; charset=utf-8");
    ([kind, CACHED], include_str!("../../../static/style.css"))
}

/// `GET /static/icon.svg`: the icon of the site.
pub(in crate::http) async fn icon() -> impl IntoResponse {
    let kind = (header::CONTENT_TYPE, "image/svg+xml");
    ([kind, CACHED], include_str!("../../../static/icon.svg"))
}

/// `GET /static/passkey.js`: the script of passkeys, on the pages that offer them.
pub(in crate::http) async fn passkey_script() -> impl IntoResponse {
    let kind = (header::CONTENT_TYPE, "text/javascript; charset=utf-8");
    ([kind, CACHED], include_str!("../../../static/passkey.js"))
}

/// `GET /static/post.js`: the script that sends the response of an authorization request.
pub(in crate::http) async fn post_script() -> impl IntoResponse {
    let kind = (header::CONTENT_TYPE, "text/javascript; charset=utf-8");
    ([kind, CACHED], include_str!("../../../static/post.js"))
}
