//! Every request gets an answer: in time, and after a panic, too.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{extract::Request, response::Response};
use futures_util::FutureExt as _;
use service_kit::seldom::Seldom;
use tokio::{sync::Semaphore, time::timeout};

use super::{failure::Failure, language};

/// For a request as a whole, reading its body included.
const DEADLINE: Duration = Duration::from_secs(15);

/// How many requests are worked on at once; what comes beyond is refused.
const MAX_REQUESTS: usize = 2048;

static REFUSALS: Seldom = Seldom::new();

/// Counts requests.
#[derive(Clone)]
pub(super) struct Guard(Arc<Semaphore>);

impl Default for Guard {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_REQUESTS)))
    }
}

impl Guard {
    pub(super) async fn answer_always(
        &self,
        request: Request,
        answer: impl AsyncFnOnce(Request) -> Response,
    ) -> Response {
        let Ok(_place) = self.0.try_acquire() else {
            REFUSALS.log(|refused| {
                tracing::warn!(
                    refused,
                    "too many requests at once; the surplus is answered 503"
                );
            });
            return language::answer(Failure::overloaded(), request.uri().path());
        };
        answer_within(DEADLINE, request, answer).await
    }
}

async fn answer_within(
    deadline: Duration,
    request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let uri = request.uri().clone();
    let answer = AssertUnwindSafe(answer(request)).catch_unwind();
    let failure = match timeout(deadline, answer).await {
        Ok(Ok(response)) => return response,
        // The panic hook has said where and why.
        Ok(Err(_panic)) => Failure::Broken,
        Err(_elapsed) => {
            tracing::warn!("a request was cut at its deadline");
            Failure::too_slow()
        }
    };
    language::answer(failure, uri.path())
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::Body,
        middleware::{Next, from_fn},
        routing::get,
    };
    use tower::ServiceExt as _;

    use super::*;

    async fn answer(deadline: Duration, path: &str) -> (u16, bool) {
        let router = Router::new()
            .route("/api/panic", get(async || panic!("on purpose") as &str))
            .route("/panic", get(async || panic!("on purpose") as &str))
            .route("/api/never", get(std::future::pending::<&str>))
            .route("/never", get(std::future::pending::<&str>))
            .layer(from_fn(move |request, next: Next| {
                answer_within(deadline, request, async |request| next.run(request).await)
            }));
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let is_problem = response.headers()["content-type"] == "application/problem+json";
        (response.status().as_u16(), is_problem)
    }

    #[tokio::test]
    async fn a_panic_is_a_500_in_the_clients_language() {
        assert_eq!(answer(DEADLINE, "/api/panic").await, (500, true));
        assert_eq!(answer(DEADLINE, "/panic").await, (500, false));
    }

    #[tokio::test]
    async fn beyond_what_can_be_worked_on_requests_are_refused() {
        let full = Guard(Arc::new(Semaphore::new(0)));
        let router = Router::new()
            .route("/api/x", get(async || "served"))
            .layer(from_fn(move |request, next: Next| {
                let full = full.clone();
                async move {
                    full.answer_always(request, async |request| next.run(request).await)
                        .await
                }
            }));
        let request = Request::get("/api/x").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
    }

    #[tokio::test]
    async fn what_takes_too_long_is_a_503() {
        assert_eq!(answer(Duration::ZERO, "/api/never").await, (503, true));
        assert_eq!(answer(Duration::ZERO, "/never").await, (503, false));
    }
}
