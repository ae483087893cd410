//! JSON bodies. One that cannot be read is answered with a problem.

use axum::{
    extract::{FromRequest, Request, rejection::JsonRejection},
    http::StatusCode,
};
use serde::de::DeserializeOwned;

use crate::http::api::problem::Problem;

/// A JSON body. The content type must be `application/json`, which no form of another site can send.
pub(in crate::http) struct Json<T>(pub(in crate::http) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let axum::Json(body) = axum::Json::from_request(request, state)
            .await
            .map_err(|rejection| unreadable(&rejection))?;
        Ok(Self(body))
    }
}

fn unreadable(rejection: &JsonRejection) -> Problem {
    let status = rejection.status();
    let detail = match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "the content type must be application/json",
        StatusCode::PAYLOAD_TOO_LARGE => "the body is larger than 64 KiB",
        StatusCode::UNPROCESSABLE_ENTITY => "a field is missing or has an invalid value",
        _ => "the body is not JSON",
    };
    Problem::invalid(status, detail)
}
