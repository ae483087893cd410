//! Calls that are there as a whole: only so many at once, and each goes on when its caller has gone, so that what it changed is
//! in the audit trail, too.

use std::{
    convert::Infallible,
    future::{Future, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use auth_proto::DPOP;
use holdfast_server_kit::request_limit::{Place, RequestLimit};
use http::{Request, Response};
use tokio::time::Instant;
use tonic::{body::Body, metadata::MetadataMap};
use tower::{BoxError, Layer, Service};

use crate::grpc::{
    call_context::{RpcPath, WebIdentity},
    errors::overloaded,
    tls::Peer,
};

/// What only reads may end at any point; and it is what is called most.
const READS: [&str; 2] = [
    "/auth.v1.AuthService/ValidateToken",
    "/auth.v1.AuthService/GetJwks",
];

/// Runs each call to its end that gets a place; others are refused.
#[derive(Clone)]
pub(super) struct RunToCompletionLayer {
    pub(super) limit: Arc<RequestLimit>,
    /// Its calls get the reserved places.
    pub(super) web_identity: Arc<WebIdentity>,
}

/// The same around a service.
#[derive(Clone)]
pub(super) struct Finish<S> {
    inner: S,
    layer: RunToCompletionLayer,
}

impl<S> Layer<S> for RunToCompletionLayer {
    type Service = Finish<S>;

    fn layer(&self, inner: S) -> Finish<S> {
        Finish {
            inner,
            layer: self.clone(),
        }
    }
}

impl RunToCompletionLayer {
    fn admit(&self, request: &Request<Body>) -> Option<Place<Arc<RequestLimit>>> {
        let connection = Peer::connection(request.extensions()).cloned();
        RequestLimit::enter(Arc::clone(&self.limit), connection, Instant::now(), || {
            let metadata = MetadataMap::from_headers(request.headers().clone());
            let request = tonic::Request::from_parts(metadata, request.extensions().clone(), ());
            self.web_identity.is_proved_by(&request).unwrap_or(false)
        })
    }
}

type Answer<B> = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

impl<S, B> Service<Request<Body>> for Finish<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Answer<B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner
            .poll_ready(context)
            .map_err(|never| match never {})
    }

    fn call(&mut self, mut request: Request<Body>) -> Answer<B> {
        let Some(place) = self.layer.admit(&request) else {
            return Box::pin(ready(Err(
                overloaded("too many calls at this moment").into()
            )));
        };
        if request.headers().contains_key(DPOP) {
            let path = RpcPath(request.uri().path().to_owned());
            request.extensions_mut().insert(path);
        }
        let is_read = READS.contains(&request.uri().path());
        let answer = self.inner.call(request);
        let answer = async move {
            let Ok(answer) = answer.await;
            drop(place);
            answer
        };
        if is_read {
            return Box::pin(async { Ok(answer.await) });
        }
        let running = tokio::spawn(answer);
        Box::pin(async move { Ok(running.await?) })
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use auth_proto::SERVICE_SECRET;
    use futures_util::FutureExt as _;
    use holdfast_server_kit::request_limit::Places;
    use tonic::{Code, Status};
    use tower::service_fn;

    use super::*;

    const SECRET: &str = "what only the other service knows";

    fn call(secret: Option<&str>) -> Request<Body> {
        let request = Request::get("/auth.v1.AuthService/ValidateToken");
        let request = secret.into_iter().fold(request, |request, secret| {
            request.header(SERVICE_SECRET, secret)
        });
        request.body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn strangers_leave_the_last_places_to_web_service() {
        let web_identity = WebIdentity::new(Some(&SECRET.into()), None).unwrap();
        let layer = RunToCompletionLayer {
            limit: Arc::new(RequestLimit::new(Places {
                all: 2,
                reserved: 1,
                per_network: 2,
            })),
            web_identity: Arc::new(web_identity),
        };
        let endless = service_fn(|_| pending::<Result<Response<Body>, Infallible>>());
        let mut calls = layer.layer(endless);

        let _first = calls.call(call(None));
        for secret in [None, Some("guessed")] {
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
