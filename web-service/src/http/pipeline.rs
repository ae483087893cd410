//! What every request passes before its route: request id, log line, checks of head and CSRF (ASVS 3.5), limits, and security headers.
//!
//! One service around the router instead of layers in it: each layer costs each request a clone of what is behind it, and two boxes
//! (ADR 14).

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
    extract::Request,
    http::{self, Version},
    response::Response,
    routing::future::RouteFuture,
};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Either},
};
use holdfast_client::request_id::{RequestId, RequestIds, scope};
use holdfast_server_kit::{
    connections::{ConnectionHandle, TrackedBody},
    request_body::BodyReader,
};
use tokio::time::Instant;
use tower::{BoxError, Service};
use tracing::Instrument as _;

use crate::{
    config::PublicUrl,
    http::{
        body, content_type, csrf,
        dpop::NextNonce,
        extract::peer::{connection, peer_address},
        head,
        headers::SecurityHeaders,
        load_shed::LoadShed,
        metrics::MethodIndex,
        request_id, request_span,
        router::{self, PolicyLookup, RoutePolicy},
        state::AppState,
    },
    request::{source::client_address, trusted_proxies::TrustedProxies},
};

/// The router, behind what is common to all routes.
#[derive(Clone)]
pub(super) struct RequestPipeline {
    routes: Router,
    common: Arc<Common>,
}

/// What all requests share.
struct Common {
    policies: PolicyLookup,
    ids: RequestIds,
    public_url: Arc<PublicUrl>,
    trusted_proxies: Arc<TrustedProxies>,
    load_shed: LoadShed,
    bodies: BodyReader,
    headers: SecurityHeaders,
}

/// Marks a response that lasts as long as its receiver likes. It ends by itself when it is not received.
#[derive(Clone, Copy)]
pub(super) struct LongResponse;

/// A rejection, or the future of the handler.
type Routed = Either<Ready<Result<Response, Infallible>>, RouteFuture<Infallible>>;

/// A request whose body has to be read, and the router for it.
type UnreadRequest = Box<(Router, Request)>;

/// What the response to a request depends on, apart from its handler.
struct RequestContext {
    id: RequestId,
    policy: RoutePolicy,
    method: MethodIndex,
    nonce: Option<NextNonce>,
    connection: Option<ConnectionHandle>,
    is_http2: bool,
    begun: Instant,
}

impl RequestPipeline {
    /// The pipeline and the routes behind it.
    pub(super) fn new(state: &AppState) -> Self {
        let common = Common {
            policies: PolicyLookup::new(),
            ids: RequestIds::new(&*state.random),
            public_url: Arc::clone(&state.public_url),
            trusted_proxies: Arc::clone(&state.requests.trusted_proxies),
            load_shed: LoadShed(Arc::clone(&state.request_limit)),
            bodies: body::reader(),
            headers: SecurityHeaders::of(&state.public_url),
        };
        Self {
            routes: router::router(state),
            common: Arc::new(common),
        }
    }

    /// Checks a request and calls its route, whose future runs when it is polled.
    fn route(
        &mut self,
        mut request: Request,
        policy: RoutePolicy,
    ) -> Either<Routed, UnreadRequest> {
        let error_format = policy.error_format;
        if let Err(error) = head::check(&request) {
            error.log();
            return Either::Left(rejection(error_format.refuse_head(error)));
        }
        if csrf::is_rejected(&request, policy.csrf, &self.common.public_url.origin) {
            csrf::log_rejection(policy.name);
            return Either::Left(rejection(error_format.refuse_foreign()));
        }
        if !request.method().is_safe() {
            content_type::remove_repeated(request.headers_mut());
        }
        if body::is_awaited(&request, policy) {
            return Either::Right(Box::new((self.routes.clone(), request)));
        }
        if !request.body().is_end_stream() {
            body::limit(&mut request);
        }
        Either::Left(Either::Right(self.routes.call(request)))
    }
}

impl Common {
    /// The response of the route, or a rejection, with what is common to all responses.
    async fn answer(self: Arc<Self>, routed: Routed, context: RequestContext) -> Response {
        let RequestContext {
            id,
            policy,
            method,
            nonce,
            connection,
            is_http2,
            begun,
        } = context;
        let answers = connection
            .as_ref()
            .filter(|_| is_http2)
            .map(|connection| Arc::clone(connection.open_responses()));
        let routed = pin!(routed.map(|Ok(response)| response));
        let source = (connection, begun);
        let response = self
            .load_shed
            .answer_always(routed, policy.error_format, source)
            .await;
        let status = response.status();
        policy.metrics.record(policy.name, method, status, begun);
        request_span::record_status(status);
        let status = status.as_u16();
        // A 5xx is also logged where it occurs, with its cause.
        tracing::info!(event = "request.answered", latency = ?begun.elapsed(), status, "answered");
        let response = match nonce {
            Some(nonce) => nonce.add(response),
            None => response,
        };
        let response = request_id::add(self.headers.add(response), id);
        let is_long = response.extensions().get::<LongResponse>().is_some();
        match answers.filter(|_| !is_long) {
            Some(answers) => response.map(|body| Body::new(TrackedBody::new(body, &answers))),
            None => response,
        }
    }

    /// The response to a request whose body has to be read. Until then it takes no request slot.
    async fn answer_when_read(
        self: Arc<Self>,
        unread: UnreadRequest,
        context: RequestContext,
    ) -> Response {
        let (router, request) = *unread;
        let peer = peer_address(request.extensions());
        let client = client_address(request.headers(), peer, &self.trusted_proxies);
        let outcome = match body::route(&self.bodies, router, request, client).await {
            Ok(answer) => Either::Right(answer),
            Err(error) => rejection(context.policy.error_format.refuse_unread(error)),
        };
        self.answer(outcome, context).await
    }
}

impl<B> Service<http::Request<B>> for RequestPipeline
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
        let policy = common.policies.find(&request);
        let span = request_span::of_request(id, &request, policy.name, &common.trusted_proxies);
        let context = RequestContext {
            id,
            policy,
            method: MethodIndex::of(request.method()),
            nonce: NextNonce::expect_for(&mut request),
            connection: connection(request.extensions()).cloned(),
            is_http2: request.version() == Version::HTTP_2,
            begun: Instant::now(),
        };
        let answer = match span.in_scope(|| self.route(request, policy)) {
            Either::Left(routed) => Either::Left(common.answer(routed, context)),
            Either::Right(unread) => {
                Either::Right(Box::pin(common.answer_when_read(unread, context)))
            }
        };
        Box::pin(scope(id, answer.map(Ok).instrument(span)))
    }
}

fn rejection(response: Response) -> Routed {
    Either::Left(ready(Ok(response)))
}
