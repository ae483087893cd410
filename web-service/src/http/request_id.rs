//! Names each request.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::HeaderValue,
    middleware::Next,
    response::Response,
};
use service_kit::system::Random;

use crate::request_id;

const HEADER: &str = "x-request-id";

/// The name of a request, for its log lines.
#[derive(Clone)]
pub(super) struct RequestId(pub(super) String);

/// A name that a client sends is not taken: it could be another request's.
pub(super) async fn assign(
    State(random): State<Arc<dyn Random>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request_id::fresh(&*random);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = request_id::scope(id.clone(), next.run(request)).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
