//! Templates into responses, and times into words.

use std::time::Duration;

use askama::Template;
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use holdfast_core::rate_limited_log::LogRateLimiter;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use crate::{http::time::rfc3339, service_error::retry_after_seconds};

static RENDER_FAULTS: LogRateLimiter = LogRateLimiter::new();

const FOR_PEOPLE: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");

/// A page with its status.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            RENDER_FAULTS
                .log(|pages| tracing::error!(%error, pages, "a page could not be rendered"));
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The same response, which says when to come back.
pub(super) fn with_wait(mut response: Response, wait: Option<Duration>) -> Response {
    if let Some(wait) = wait {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, retry_after_seconds(wait).into());
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
            datetime: rfc3339(time).to_string(),
        }
    }
}
