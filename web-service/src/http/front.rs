//! What every request passes, whatever its route: it gets a name, a line in the log, an answer in any case, and security
//! headers.
//!
//! One service around the router instead of layers in it: each of those costs each request a copy of all that lies behind it,
//! and two boxes (ADR 14).

use std::{
    convert::Infallible,
    pin::pin,
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
    routing::future::RouteFuture,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use tower::{BoxError, Service};
use tracing::{Instrument as _, Span};

use super::{
    dpop::NextNonce, guard::Guard, headers::SecurityHeaders, language::Language, request_id,
    state::AppState,
};
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
}

impl Common {
    /// The answer of the routes, or one of our own, with what is common to all.
    async fn answer(
        self: Arc<Self>,
        routed: RouteFuture<Infallible>,
        (id, language): (RequestId, Language),
        nonce: Option<NextNonce>,
    ) -> Response {
        let begun = Instant::now();
        let routed = pin!(routed.map(|Ok(response)| response));
        let response = self.guard.answer_always(routed, language).await;
        let status = response.status().as_u16();
        // A 5xx is logged where it is found, too, with its cause.
        tracing::info!(latency = ?begun.elapsed(), status, "answered");
        let response = match nonce {
            Some(nonce) => nonce.add(response),
            None => response,
        };
        request_id::add(self.headers.add(response), id)
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
        let mut request = request.map(Body::new);
        let common = Arc::clone(&self.common);
        let id = common.ids.next();
        let span = span(id, &request);
        let language = Language::of(request.uri().path());
        let nonce = NextNonce::expect_for(&mut request);
        let answer = common.answer(self.routes.call(request), (id, language), nonce);
        Box::pin(scope(id, answer.map(Ok).instrument(span)))
    }
}

/// Paths are logged, queries are not: they may say where somebody was going.
fn span(id: RequestId, request: &Request) -> Span {
    let path = request.uri().path();
    tracing::info_span!("request", id = id.as_str(), method = %request.method(), path)
}
