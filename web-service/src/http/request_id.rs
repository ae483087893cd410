//! The request id in responses.

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};
use holdfast_client::request_id::RequestId;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Adds the id of its request to a response. An id that a client sends is not used: it could be that of another request.
pub(super) fn add(mut response: Response, id: RequestId) -> Response {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
