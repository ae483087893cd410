//! What every request passes, whatever its route: it gets a name, a line in the log, an answer in any case, and security
//! headers.
//!
//! One service around the router instead of layers in it: each of those costs each request a copy of all that lies behind it,
//! and two boxes (ADR 14).

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http,
    response::Response,
};
use futures_util::future::BoxFuture;
use tower::{BoxError, Service};
use tracing::{Instrument as _, Span};

use super::{dpop, guard::Guard, headers::SecurityHeaders, request_id, state::AppState};
use crate::request_id::{RequestId, RequestIds, scope};

/// The routes, behind what is common to them.
#[derive(Clone)]
pub(super) struct Front {
    routes: Router,
    common: Arc<Common>,
}

struct Common {
    ids: RequestIds,
    guard: Guard,
    headers: SecurityHeaders,
}

impl Front {
    /// Stands before `routes`.
    pub(super) fn new(routes: Router, state: &AppState) -> Self {
        let common = Common {
            ids: RequestIds::begin(&*state.random),
            guard: Guard::default(),
            headers: SecurityHeaders::of(&state.public_url),
        };
        Self {
            routes,
            common: Arc::new(common),
        }
    }

    async fn answer(self, request: Request) -> Response {
        let Self { mut routes, common } = self;
        let id = common.ids.next();
        let span = span(id, &request);
        let route = async |request| match routes.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let with_nonce = async |request| dpop::answer_nonce(request, route).await;
        let answer = common.guard.answer_always(request, with_nonce);
        let response = scope(id, logged(answer).instrument(span)).await;
        request_id::add(common.headers.add(response), id)
    }
}

impl<B> Service<http::Request<B>> for Front
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let front = self.clone();
        let request = request.map(Body::new);
        Box::pin(async move { Ok(front.answer(request).await) })
    }
}

/// Paths are logged, queries are not: they may say where somebody was going.
fn span(id: RequestId, request: &Request) -> Span {
    let path = request.uri().path();
    tracing::info_span!("request", id = id.as_str(), method = %request.method(), path)
}

/// Says that there was an answer. A 5xx is logged where it is found, too, with its cause.
async fn logged(answer: impl Future<Output = Response>) -> Response {
    let begun = Instant::now();
    let response = answer.await;
    let status = response.status().as_u16();
    tracing::info!(latency = ?begun.elapsed(), status, "answered");
    response
}
