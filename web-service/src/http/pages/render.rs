//! Templates into responses, and times into words.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use crate::http::time::rfc3339;

const FOR_PEOPLE: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");

/// A page with its status.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The same response with a cookie set or removed.
pub(super) fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A point in time for the `time` element.
pub(super) struct Moment {
    /// For people.
    pub(super) text: String,
    /// For machines.
    pub(super) datetime: String,
}

impl From<OffsetDateTime> for Moment {
    fn from(time: OffsetDateTime) -> Self {
        Self {
            text: time.format(FOR_PEOPLE).unwrap_or_default(),
            datetime: rfc3339(time),
        }
    }
}
