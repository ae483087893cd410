//! Load shedding, the deadline of requests, and the response after a panic.

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use axum::response::Response;
use futures_util::FutureExt as _;
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_server_kit::{
    connections::ConnectionHandle,
    request_limit::{RequestLimit, SlotLimits},
};
use tokio::time::{Instant, timeout_at};

use crate::{http::error_format::ErrorFormat, service_error::ServiceError};

static DEADLINES: LogRateLimiter = LogRateLimiter::new("request.deadline_exceeded");

/// Deadline of a request, the reading of its body included.
const DEADLINE: Duration = Duration::from_secs(15);

/// Number of requests that are processed at once; further ones are rejected. None is reserved for trusted peers: a reverse proxy forwards the
/// requests of any client.
pub const PLACES: SlotLimits = SlotLimits {
    total: 2048,
    reserved: 0,
    per_network: 1536,
};

/// Assigns a request slot to each request, or rejects it.
pub(super) struct LoadShed(pub(super) Arc<RequestLimit>);

impl LoadShed {
    /// Waits for `answer`, unless there is no request slot, or until the deadline since `begun`. The future is passed by reference: passed by
    /// value it would be in memory twice at each call, at the expense of each request.
    pub(super) async fn answer_always(
        &self,
        answer: Pin<&mut impl Future<Output = Response>>,
        error_format: ErrorFormat,
        (connection, begun): (Option<ConnectionHandle>, Instant),
    ) -> Response {
        let limit = &*self.0;
        let is_trusted = connection
            .as_ref()
            .is_some_and(ConnectionHandle::is_trusted);
        let Some(_slot) = RequestLimit::acquire(limit, connection, begun, || is_trusted) else {
            return error_format.answer(ServiceError::overloaded());
        };
        answer_within(begun + DEADLINE, answer, error_format).await
    }
}

async fn answer_within(
    deadline: Instant,
    answer: Pin<&mut impl Future<Output = Response>>,
    error_format: ErrorFormat,
) -> Response {
    let answer = AssertUnwindSafe(answer).catch_unwind();
    error_format.answer(match timeout_at(deadline, answer).await {
        Ok(Ok(response)) => return response,
        // The panic hook has logged it.
        Ok(Err(_panic)) => ServiceError::Internal,
        Err(_elapsed) => {
            DEADLINES.log(|requests| {
                tracing::warn!(
                    event = "request.deadline_exceeded",
                    requests,
                    "a request exceeded its deadline; responding 503"
                );
            });
            ServiceError::deadline_exceeded()
        }
    })
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        pin::pin,
    };

    use axum::body::Body;

    use super::*;

    /// The status, and whether the body is a problem.
    fn status_and_form(response: &Response) -> (u16, bool) {
        let is_problem = response.headers()["content-type"] == "application/problem+json";
        (response.status().as_u16(), is_problem)
    }

    async fn outcome(
        within: Duration,
        answer: impl Future<Output = Response>,
        error_format: ErrorFormat,
    ) -> (u16, bool) {
        let answer = pin!(answer);
        status_and_form(&answer_within(Instant::now() + within, answer, error_format).await)
    }

    #[tokio::test]
    async fn panic_is_a_500_in_the_error_format_of_the_route() {
        let panics = async || panic!("on purpose");
        assert_eq!(
            outcome(DEADLINE, panics(), ErrorFormat::ProblemJson).await,
            (500, true)
        );
        assert_eq!(
            outcome(DEADLINE, panics(), ErrorFormat::Html).await,
            (500, false)
        );
    }

    #[tokio::test]
    async fn request_without_a_slot_is_rejected() {
        let load_shed = LoadShed(Arc::new(RequestLimit::new(SlotLimits {
            total: 1,
            reserved: 0,
            per_network: 1,
        })));
        let answer = async || {
            let served = pin!(ready(Response::new(Body::empty())));
            let source = (None, Instant::now());
            load_shed
                .answer_always(served, ErrorFormat::ProblemJson, source)
                .await
        };
        let slot = RequestLimit::acquire(&*load_shed.0, None, Instant::now(), || false);
        for _ in 0..2 {
            let response = answer().await;
            assert_eq!(status_and_form(&response), (503, true));
            assert_eq!(response.headers()["retry-after"], "1");
        }
        drop(slot);
        for _ in 0..2 {
            assert_eq!(answer().await.status(), 200);
        }
    }

    #[tokio::test]
    async fn request_beyond_its_deadline_is_a_503() {
        assert_eq!(
            outcome(Duration::ZERO, pending(), ErrorFormat::ProblemJson).await,
            (503, true)
        );
        assert_eq!(
            outcome(Duration::ZERO, pending(), ErrorFormat::Html).await,
            (503, false)
        );
    }
}
