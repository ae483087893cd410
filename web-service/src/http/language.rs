//! Problems for programs, pages for people.

use axum::response::{IntoResponse as _, Response};

use super::{api::problem::Problem, failure::Failure, pages::error::ErrorPage};

/// The answer of a failure, in the language of whoever asks for this path.
pub(super) fn answer(failure: Failure, path: &str) -> Response {
    if is_for_programs(path) {
        Problem::from(failure).into_response()
    } else {
        ErrorPage::from(failure).into_response()
    }
}

/// The answer to a request that a page of another origin sent.
pub(super) fn refuse_foreign(path: &str) -> Response {
    if is_for_programs(path) {
        Problem::foreign_origin().into_response()
    } else {
        ErrorPage::foreign_origin().into_response()
    }
}

fn is_for_programs(path: &str) -> bool {
    ["/api/", "/.well-known/", "/oauth2/", "/session/"]
        .iter()
        .any(|prefix| path.starts_with(prefix))
}
