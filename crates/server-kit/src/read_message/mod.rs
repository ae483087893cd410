//! Reads the request message of each gRPC call before the call is processed.
//!
//! Incomplete calls do not affect other clients: they take no request slot, have a separate deadline, and where there are too many, the
//! oldest of the client network that has the most is rejected.

mod open_stream;

use std::{
    marker::PhantomData,
    mem,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Extensions, Request, Response};
use http_body_util::Full;
use tonic::{Status, body::Body};
use tower::{BoxError, Layer, Service};

use self::open_stream::OpenStream;
use crate::{
    connections::{ConnectionHandle, TrackedBody},
    fair_slots::FairSlots,
    refusals::Limit,
    request_body::{BodyError, BodyReader},
};

/// Length of the prefix of each message: the compression flag and the length.
const MESSAGE_PREFIX: usize = 5;
/// Time within which a message has to arrive.
const DEADLINE: Duration = Duration::from_secs(5);
/// Maximum number of calls with an incomplete message.
const MAX_INCOMPLETE: usize = 1024;
/// Maximum number of open calls of the kinds [`CallKind::ServerStream`] and [`CallKind::ClientStream`].
const MAX_OPEN: usize = 256;

/// The kind of a call, which determines who can keep it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// One message and one response.
    Unary,
    /// One message, then a stream, which only trusted peers may open.
    TrustedStream,
    /// One message, then a stream that the client may keep open.
    ServerStream,
    /// Streams in both directions that the client may keep open.
    ClientStream,
}

/// The calls of a gRPC port, and the status of those that are rejected.
pub trait CallPolicy: Send + Sync + 'static {
    /// The connection of a call, from the extensions of its request.
    fn connection(extensions: &Extensions) -> Option<&ConnectionHandle>;

    /// The kind of the call with this path.
    fn kind(path: &str) -> CallKind;

    /// The status of a call whose message was not read.
    fn unread(error: BodyError) -> Status;

    /// The status of an open stream that is displaced.
    fn displaced() -> Status;
}

/// Calls the inner service when the message of a call has arrived completely.
pub struct ReadMessageLayer<P>(Arc<Limits<P>>);

struct Limits<P> {
    messages: BodyReader,
    open: FairSlots,
    policy: PhantomData<P>,
}

/// The service of [`ReadMessageLayer`].
pub struct ReadMessage<S, P> {
    inner: S,
    limits: Arc<Limits<P>>,
}

impl<P> ReadMessageLayer<P> {
    /// Reads messages of up to `max_message` bytes. Of a larger one the service receives the beginning, and rejects it.
    #[must_use]
    pub fn new(max_message: usize) -> Self {
        Self(Arc::new(Limits {
            messages: BodyReader::new(MAX_INCOMPLETE, MESSAGE_PREFIX + max_message, DEADLINE),
            open: FairSlots::new(MAX_OPEN),
            policy: PhantomData,
        }))
    }
}

impl<P> Clone for ReadMessageLayer<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Clone, P> Clone for ReadMessage<S, P> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            limits: Arc::clone(&self.limits),
        }
    }
}

impl<S, P> Layer<S> for ReadMessageLayer<P> {
    type Service = ReadMessage<S, P>;

    fn layer(&self, inner: S) -> ReadMessage<S, P> {
        ReadMessage {
            inner,
            limits: Arc::clone(&self.0),
        }
    }
}

impl<S, B, P> Service<Request<Body>> for ReadMessage<S, P>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    P: CallPolicy,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The service that was polled for readiness has to be called, not its clone.
        let clone = self.inner.clone();
        let inner = mem::replace(&mut self.inner, clone);
        Box::pin(Arc::clone(&self.limits).call(inner, request))
    }
}

impl<P: CallPolicy> Limits<P> {
    async fn call<S, B>(
        self: Arc<Self>,
        mut inner: S,
        request: Request<Body>,
    ) -> Result<Response<Body>, S::Error>
    where
        S: Service<Request<Body>, Response = Response<B>>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let connection = P::connection(request.extensions()).cloned();
        let client = connection
            .as_ref()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |connection| {
                connection.peer().ip()
            });
        let kind = P::kind(request.uri().path());
        let request = if kind == CallKind::ClientStream {
            request
        } else {
            match self.read(request, client).await {
                Ok(request) => request,
                Err(error) => return Ok(P::unread(error).into_http()),
            }
        };
        match (kind, connection) {
            (CallKind::ServerStream | CallKind::ClientStream, _) => {
                let (slot, has_displaced) = self.open.acquire(client.into());
                if has_displaced {
                    Limit::Streams.count_refusal();
                }
                let response = inner.call(request).await?;
                Ok(response
                    .map(|body| Body::new(OpenStream::new(Body::new(body), slot, P::displaced))))
            }
            (CallKind::Unary, Some(connection)) => {
                let response = inner.call(request).await?;
                let open = connection.open_responses();
                Ok(response.map(|body| Body::new(TrackedBody::new(body, open))))
            }
            (CallKind::Unary | CallKind::TrustedStream, _) => {
                Ok(inner.call(request).await?.map(Body::new))
            }
        }
    }

    async fn read(
        &self,
        request: Request<Body>,
        client: IpAddr,
    ) -> Result<Request<Body>, BodyError> {
        let (head, body) = request.into_parts();
        let message = self.messages.read(body, client).await?;
        Ok(Request::from_parts(head, Body::new(Full::new(message))))
    }
}
