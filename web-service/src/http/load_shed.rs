//! Every request gets an answer: in time, and after a panic, too; and only so many are worked on at once.

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use axum::response::Response;
use futures_util::FutureExt as _;
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_server_kit::{
    connections::ConnectionHandle,
    request_limit::{Places, RequestLimit},
};
use tokio::time::{Instant, timeout_at};

use crate::{http::error_format::ErrorFormat, service_error::ServiceError};

static CUT: LogRateLimiter = LogRateLimiter::new();

/// For a request as a whole, reading its body included.
const DEADLINE: Duration = Duration::from_secs(15);

/// How many requests are worked on at once; what comes beyond is refused. None is reserved: what is trusted here, a reverse proxy,
/// carries the requests of strangers.
pub const PLACES: Places = Places {
    all: 2048,
    reserved: 0,
    per_network: 1536,
};

/// Limits requests.
pub(super) struct LoadShed(pub(super) Arc<RequestLimit>);

impl LoadShed {
    /// Waits for `answer`, unless there are too many requests, or it takes too long since `begun`. It is only referred to here: a
    /// future that is handed on by value is there twice each time, and each request would pay for that.
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
        let Some(_place) = RequestLimit::enter(limit, connection, begun, || is_trusted) else {
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
        // The panic hook has said where and why.
        Ok(Err(_panic)) => ServiceError::Internal,
        Err(_elapsed) => {
            CUT.log(|requests| tracing::warn!(requests, "a request was cut at its deadline"));
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

    /// Status, and whether it is a problem.
    fn seen(response: &Response) -> (u16, bool) {
        let is_problem = response.headers()["content-type"] == "application/problem+json";
        (response.status().as_u16(), is_problem)
    }

    async fn outcome(
        within: Duration,
        answer: impl Future<Output = Response>,
        error_format: ErrorFormat,
    ) -> (u16, bool) {
        let answer = pin!(answer);
        seen(&answer_within(Instant::now() + within, answer, error_format).await)
    }

    #[tokio::test]
    async fn a_panic_is_a_500_in_the_clients_language() {
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
    async fn beyond_what_can_be_worked_on_requests_are_refused() {
        let guard = LoadShed(Arc::new(RequestLimit::new(Places {
            all: 1,
            reserved: 0,
            per_network: 1,
        })));
        let answer = async || {
            let served = pin!(ready(Response::new(Body::empty())));
            let source = (None, Instant::now());
            guard
                .answer_always(served, ErrorFormat::ProblemJson, source)
                .await
        };
        let place = RequestLimit::enter(&*guard.0, None, Instant::now(), || false);
        for _ in 0..2 {
            let response = answer().await;
            assert_eq!(seen(&response), (503, true));
            assert_eq!(response.headers()["retry-after"], "1");
        }
        drop(place);
        for _ in 0..2 {
            assert_eq!(answer().await.status(), 200);
        }
    }

    #[tokio::test]
    async fn what_takes_too_long_is_a_503() {
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
