//! Tells clients what their request is called.

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};
use holdfast_client::request_id::RequestId;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The same response with the name of its request. One that a client sends is not taken: it could be another request's.
pub(super) fn add(mut response: Response, id: RequestId) -> Response {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
