//! What every request passes, whatever its route: it gets a name, a line in the log, an answer in any case, and security
//! headers; and other pages' requests are refused (ASVS 3.5).
//!
//! One service around the router instead of layers in it: each of those costs each request a copy of all that lies behind it,
//! and two boxes (ADR 14).

use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{DefaultBodyLimit, Request},
    http,
    response::Response,
    routing::future::RouteFuture,
};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Either},
};
use tokio::time::Instant;
use tower::{BoxError, Service};
use tracing::{Instrument as _, Span};

use super::{
    content_type, dpop::NextNonce, guard::Guard, head, headers::SecurityHeaders,
    language::Language, origin, request_id, router, state::AppState,
};
use crate::{
    config::PublicUrl,
    request_id::{RequestId, RequestIds, scope},
};

/// The largest request body, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// The routes, behind what is common to them.
#[derive(Clone)]
pub(super) struct Front {
    routes: Router,
    common: Arc<Common>,
}

struct Common {
    ids: RequestIds,
    public_url: Arc<PublicUrl>,
    guard: Guard,
    headers: SecurityHeaders,
}

/// A refusal, or what a route does.
type Routed = Either<Ready<Result<Response, Infallible>>, RouteFuture<Infallible>>;

impl Front {
    /// Stands before `routes`.
    pub(super) fn new(routes: Router, state: &AppState) -> Self {
        let common = Common {
            ids: RequestIds::begin(&*state.random),
            public_url: Arc::clone(&state.public_url),
            guard: Guard::default(),
            headers: SecurityHeaders::of(&state.public_url),
        };
        Self {
            routes,
            common: Arc::new(common),
        }
    }

    /// What answers, which begins when it is polled.
    fn route(&mut self, mut request: Request, language: Language) -> Routed {
        if let Err(error) = head::check(&request) {
            return Either::Left(ready(Ok(error.answer(language))));
        }
        let own_origin = &self.common.public_url.origin;
        if origin::is_foreign(&request, own_origin)
            && !router::hears_everybody(request.uri().path())
        {
            tracing::warn!("a request from a foreign page was refused");
            return Either::Left(ready(Ok(language.refuse_foreign())));
        }
        if !request.method().is_safe() {
            content_type::remove_repeated(request.headers_mut());
        }
        if !request.body().is_end_stream() {
            DefaultBodyLimit::max(MAX_BODY).apply(&mut request);
        }
        Either::Right(self.routes.call(request))
    }
}

impl Common {
    /// The answer of the routes, or one of our own, with what is common to all.
    async fn answer(
        self: Arc<Self>,
        routed: Routed,
        (id, language): (RequestId, Language),
        nonce: Option<NextNonce>,
    ) -> Response {
        let begun = Instant::now();
        let routed = pin!(routed.map(|Ok(response)| response));
        let response = self.guard.answer_always(routed, language, begun).await;
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
        let routed = span.in_scope(|| self.route(request, language));
        let answer = common.answer(routed, (id, language), nonce);
        Box::pin(scope(id, answer.map(Ok).instrument(span)))
    }
}

/// Paths are logged, queries are not: they may say where somebody was going.
fn span(id: RequestId, request: &Request) -> Span {
    let path = request.uri().path();
    tracing::info_span!("request", id = id.as_str(), method = %request.method(), path)
}
