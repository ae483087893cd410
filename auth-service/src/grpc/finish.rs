//! Calls that go on when their caller has gone: what they changed is then in the audit trail, too.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use auth_proto::DPOP;
use futures_util::TryFutureExt as _;
use http::{Request, Response};
use tokio::task::JoinError;
use tonic::body::Body;
use tower::{Layer, Service};

use super::caller::RpcPath;

/// What only reads may end at any point; and it is what is called most.
const READS: [&str; 2] = [
    "/auth.v1.AuthService/ValidateToken",
    "/auth.v1.AuthService/GetJwks",
];

/// Runs each call to its end.
#[derive(Clone, Copy)]
pub(super) struct FinishLayer;

/// The same around a service.
#[derive(Clone)]
pub(super) struct Finish<S>(S);

impl<S> Layer<S> for FinishLayer {
    type Service = Finish<S>;

    fn layer(&self, inner: S) -> Finish<S> {
        Finish(inner)
    }
}

type Answer<B> = Pin<Box<dyn Future<Output = Result<Response<B>, JoinError>> + Send>>;

impl<S, B> Service<Request<Body>> for Finish<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = JoinError;
    type Future = Answer<B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), JoinError>> {
        self.0.poll_ready(context).map_err(|never| match never {})
    }

    fn call(&mut self, mut request: Request<Body>) -> Answer<B> {
        if request.headers().contains_key(DPOP) {
            let path = RpcPath(request.uri().path().to_owned());
            request.extensions_mut().insert(path);
        }
        let is_read = READS.contains(&request.uri().path());
        let answer = self.0.call(request);
        if is_read {
            return Box::pin(answer.map_err(|never| match never {}));
        }
        let running = tokio::spawn(answer);
        Box::pin(async move { running.await.map(|Ok(answer)| answer) })
    }
}
