//! The paths of the endpoints. The [route table](crate::http::routes::ROUTES) contains each.

use crate::config::PublicUrl;

/// The configuration endpoint (SSF §8.1.1).
pub(super) const STREAM: &str = "/ssf/stream";
/// The status endpoint (SSF §8.1.2).
pub(super) const STATUS: &str = "/ssf/status";
/// The verification endpoint (SSF §8.1.4).
pub(super) const VERIFICATION: &str = "/ssf/verify";

/// Where the events of a stream are polled (RFC 8936 §2).
pub(super) fn poll(public_url: &PublicUrl, stream_id: &str) -> String {
    format!("{}/ssf/poll/{stream_id}", public_url.origin)
}

#[test]
fn routes_have_the_paths() {
    let routes = crate::http::routes::ROUTES;
    for path in [STREAM, STATUS, VERIFICATION, "/ssf/poll/{stream_id}"] {
        assert!(routes.iter().any(|route| route.path == path), "{path}");
    }
}
