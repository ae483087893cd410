//! Assigns a request slot to each call whose message has arrived, and completes calls that may change state even when their caller
//! disconnects, so that every change is in the audit trail.

use std::{
    convert::Infallible,
    future::{Future, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use auth_proto::DPOP;
use holdfast_server_kit::request_limit::{RequestLimit, RequestSlot};
use http::{Request, Response};
use tokio::time::Instant;
use tonic::body::Body;
use tower::{BoxError, Layer, Service};

use crate::grpc::{
    call_context::{RpcPath, ServiceIdentity},
    connections::Peer,
    errors::overloaded,
    rpc_paths,
};

/// RPCs that change nothing. They end when their caller disconnects, and are not spawned: they are the most frequent ones.
const READ_ONLY: [&str; 2] = [rpc_paths::VALIDATE_TOKEN, rpc_paths::GET_JWKS];

/// The layer that completes each call with a request slot, and rejects the others.
#[derive(Clone)]
pub(super) struct RunToCompletionLayer {
    pub(super) limit: Arc<RequestLimit>,
    /// The caller that has the reserved slots.
    pub(super) service_identity: Arc<ServiceIdentity>,
}

/// A service in the layer.
#[derive(Clone)]
pub(super) struct RunToCompletion<S> {
    inner: S,
    layer: RunToCompletionLayer,
}

impl<S> Layer<S> for RunToCompletionLayer {
    type Service = RunToCompletion<S>;

    fn layer(&self, inner: S) -> RunToCompletion<S> {
        RunToCompletion {
            inner,
            layer: self.clone(),
        }
    }
}

impl RunToCompletionLayer {
    fn admit(&self, request: &Request<Body>) -> Option<RequestSlot<Arc<RequestLimit>>> {
        let connection = Peer::connection(request.extensions()).cloned();
        RequestLimit::acquire(Arc::clone(&self.limit), connection, Instant::now(), || {
            self.service_identity.recognize_head(request)
        })
    }
}

type ResponseFuture<B> = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

impl<S, B> Service<Request<Body>> for RunToCompletion<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = ResponseFuture<B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner
            .poll_ready(context)
            .map_err(|never| match never {})
    }

    fn call(&mut self, mut request: Request<Body>) -> ResponseFuture<B> {
        let Some(slot) = self.layer.admit(&request) else {
            return Box::pin(ready(Err(
                overloaded("too many calls are in progress").into()
            )));
        };
        if request.headers().contains_key(DPOP) {
            let path = RpcPath(request.uri().path().to_owned());
            request.extensions_mut().insert(path);
        }
        let is_read_only = READ_ONLY.contains(&request.uri().path());
        let response = self.inner.call(request);
        let response = async move {
            let Ok(response) = response.await;
            drop(slot);
            response
        };
        if is_read_only {
            return Box::pin(async { Ok(response.await) });
        }
        let task = tokio::spawn(response);
        Box::pin(async move { Ok(task.await?) })
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use auth_proto::SERVICE_SECRET;
    use futures_util::FutureExt as _;
    use holdfast_server_kit::request_limit::SlotLimits;
    use tonic::{Code, Status};
    use tower::service_fn;

    use super::*;

    const SECRET: &str = "the secret of both services";

    fn call(secret: Option<&str>) -> Request<Body> {
        let request = Request::get(rpc_paths::VALIDATE_TOKEN);
        let request = secret.into_iter().fold(request, |request, secret| {
            request.header(SERVICE_SECRET, secret)
        });
        request.body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn reserved_slots_are_for_web_service_only() {
        let service_identity = ServiceIdentity::new(Some(&SECRET.into()), None).unwrap();
        let layer = RunToCompletionLayer {
            limit: Arc::new(RequestLimit::new(SlotLimits {
                total: 2,
                reserved: 1,
                per_network: 2,
            })),
            service_identity: Arc::new(service_identity),
        };
        let endless = service_fn(|_| pending::<Result<Response<Body>, Infallible>>());
        let mut calls = layer.layer(endless);

        let _first = calls.call(call(None));
        for secret in [None, Some("another secret")] {
            let refused = calls.call(call(secret)).now_or_never().unwrap();
            let status = Status::from_error(refused.unwrap_err());
            assert_eq!(status.code(), Code::ResourceExhausted);
        }
        let last = calls.call(call(Some(SECRET)));
        assert!(calls.call(call(Some(SECRET))).now_or_never().is_some());
        drop(last);
        assert!(calls.call(call(Some(SECRET))).now_or_never().is_none());
    }
}
