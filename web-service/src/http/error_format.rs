//! The two forms of an error: problem details for programs, pages for people.

use axum::response::{IntoResponse as _, Response};
use holdfast_server_kit::request_body::BodyError;

use crate::{
    http::{api::problem::Problem, head::HeadError, pages::error::ErrorPage},
    service_error::ServiceError,
};

/// The form of the errors of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorFormat {
    /// Problem details, `application/problem+json` (RFC 9457).
    ProblemJson,
    /// An HTML page.
    Html,
}

impl ErrorFormat {
    /// The response for a service error.
    pub(super) fn answer(self, error: ServiceError) -> Response {
        match self {
            Self::ProblemJson => Problem::from(error).into_response(),
            Self::Html => ErrorPage::from(error).into_response(),
        }
    }

    /// The response to a request with an invalid head.
    pub(super) fn refuse_head(self, error: HeadError) -> Response {
        match (self, error) {
            (Self::ProblemJson, HeadError::Host) => Problem::bad_host().into_response(),
            (Self::ProblemJson, HeadError::TooLarge(_)) => {
                Problem::head_too_large().into_response()
            }
            (Self::Html, HeadError::Host) => ErrorPage::bad_host().into_response(),
            (Self::Html, HeadError::TooLarge(_)) => ErrorPage::head_too_large().into_response(),
        }
    }

    /// The response to a request whose body was not read.
    pub(super) fn refuse_unread(self, error: BodyError) -> Response {
        match (error, self) {
            (BodyError::TooSlow, Self::ProblemJson) => Problem::body_too_slow().into_response(),
            (BodyError::TooSlow, Self::Html) => ErrorPage::body_too_slow().into_response(),
            (BodyError::Displaced, _) => self.answer(ServiceError::overloaded()),
            (BodyError::Broken, _) => self.answer(ServiceError::InvalidRequest),
        }
    }

    /// The response to a request that a page of another origin caused.
    pub(super) fn refuse_foreign(self) -> Response {
        match self {
            Self::ProblemJson => Problem::foreign_origin().into_response(),
            Self::Html => ErrorPage::foreign_origin().into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_of_a_body_has_its_status() {
        for format in [ErrorFormat::ProblemJson, ErrorFormat::Html] {
            let status = |error| format.refuse_unread(error).status().as_u16();
            assert_eq!(status(BodyError::TooSlow), 408);
            assert_eq!(status(BodyError::Displaced), 503);
            assert_eq!(status(BodyError::Broken), 400);
        }
    }
}
