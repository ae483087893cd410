//! Every request gets an answer: in time, and after a panic, too.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::{extract::Request, middleware::Next, response::Response};
use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::{failure::Failure, language};

/// For a request as a whole, reading its body included.
const DEADLINE: Duration = Duration::from_secs(15);

pub(super) async fn answer_always(request: Request, next: Next) -> Response {
    answer_within(DEADLINE, request, next).await
}

async fn answer_within(deadline: Duration, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let failure = match timeout(deadline, answer).await {
        Ok(Ok(response)) => return response,
        // The panic hook has said where and why.
        Ok(Err(_panic)) => Failure::Broken,
        Err(_elapsed) => {
            tracing::warn!("a request was cut at its deadline");
            Failure::too_slow()
        }
    };
    language::answer(failure, &path)
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    async fn answer(deadline: Duration, path: &str) -> (u16, bool) {
        let router = Router::new()
            .route("/api/panic", get(async || panic!("on purpose") as &str))
            .route("/panic", get(async || panic!("on purpose") as &str))
            .route("/api/never", get(std::future::pending::<&str>))
            .route("/never", get(std::future::pending::<&str>))
            .layer(from_fn(move |request, next| {
                answer_within(deadline, request, next)
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
    async fn what_takes_too_long_is_a_503() {
        assert_eq!(answer(Duration::ZERO, "/api/never").await, (503, true));
        assert_eq!(answer(Duration::ZERO, "/never").await, (503, false));
    }
}
