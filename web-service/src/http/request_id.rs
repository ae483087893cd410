//! Names each request.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    response::Response,
};
use service_kit::system::Random;

use crate::request_id::{RequestId, scope};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// A name that a client sends is not taken: it could be another request's.
pub(super) async fn assign(
    random: &dyn Random,
    mut request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let id = RequestId::random(random);
    request.extensions_mut().insert(id);
    let mut response = scope(id, answer(request)).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
