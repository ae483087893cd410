//! Pages from templates, and times for people.

use std::time::Duration;

use askama::Template;
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use holdfast_core::rate_limited_log::LogRateLimiter;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use crate::{http::time::rfc3339, service_error::retry_after_seconds};

static RENDER_FAULTS: LogRateLimiter = LogRateLimiter::new("page.render_failed");

const DATE_AND_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");

/// Renders a page.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            RENDER_FAULTS
                .log(|pages| tracing::error!(event = "page.render_failed", %error, pages, "a page could not be rendered; responding 500"));
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Adds `Retry-After` to a response.
pub(super) fn with_wait(mut response: Response, wait: Option<Duration>) -> Response {
    if let Some(wait) = wait {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, retry_after_seconds(wait).into());
    }
    response
}

/// A point in time for a `time` element.
pub(super) struct Moment {
    /// Date and time, to the minute.
    pub(super) text: String,
    /// RFC 3339.
    pub(super) datetime: String,
}

impl From<OffsetDateTime> for Moment {
    fn from(time: OffsetDateTime) -> Self {
        Self {
            text: time.format(DATE_AND_TIME).unwrap_or_default(),
            datetime: rfc3339(time).to_string(),
        }
    }
}
