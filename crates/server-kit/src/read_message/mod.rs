//! Waits for the request message of each gRPC call before anything is done for the call.
//!
//! What a client began and does not finish must cost the other clients nothing: it has no place among the calls in progress,
//! it ends at a deadline of its own, and where there are too many, the oldest of the address that has the most ends first.

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
    connections::{AnswerBody, ConnectionHandle},
    fair_slots::FairSlots,
    request_body::{BodyError, BodyReader},
};

/// The length of what precedes each message: whether it is compressed, and its length.
const MESSAGE_HEAD: usize = 5;
/// How long a message may take to arrive.
const DEADLINE: Duration = Duration::from_secs(5);
/// How many calls may wait for their messages.
const MAX_UNFINISHED: usize = 1024;
/// How many calls of [`CallKind::ClientStream`] and [`CallKind::Open`] may be there at once.
const MAX_OPEN: usize = 256;

/// How long a call lasts, and in whose hands that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// One message, one answer.
    Unary,
    /// One message, then a stream that only trusted peers get.
    TrustedStream,
    /// One message, then a stream for as long as the client likes.
    Open,
    /// Streams of both sides for as long as the client likes.
    ClientStream,
}

/// What a gRPC port says of its calls.
pub trait Calls: Send + Sync + 'static {
    /// The connection that a call came on, which is among its extensions.
    fn connection(extensions: &Extensions) -> Option<&ConnectionHandle>;

    /// What kind of call this path is.
    fn kind(path: &str) -> CallKind;

    /// The answer to a call whose message was not read.
    fn unread(error: BodyError) -> Status;

    /// The end of an open stream whose place others need.
    fn displaced() -> Status;
}

/// Hands a call on when its message is there as a whole.
pub struct ReadMessageLayer<C>(Arc<Limits<C>>);

struct Limits<C> {
    messages: BodyReader,
    open: FairSlots,
    calls: PhantomData<C>,
}

/// A service that waits for messages.
pub struct ReadMessage<S, C> {
    inner: S,
    limits: Arc<Limits<C>>,
}

impl<C> ReadMessageLayer<C> {
    /// For messages of up to `max_message` bytes; of a larger one the service gets the beginning, and refuses it.
    #[must_use]
    pub fn new(max_message: usize) -> Self {
        Self(Arc::new(Limits {
            messages: BodyReader::new(MAX_UNFINISHED, MESSAGE_HEAD + max_message, DEADLINE),
            open: FairSlots::new(MAX_OPEN),
            calls: PhantomData,
        }))
    }
}

impl<C> Clone for ReadMessageLayer<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Clone, C> Clone for ReadMessage<S, C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            limits: Arc::clone(&self.limits),
        }
    }
}

impl<S, C> Layer<S> for ReadMessageLayer<C> {
    type Service = ReadMessage<S, C>;

    fn layer(&self, inner: S) -> ReadMessage<S, C> {
        ReadMessage {
            inner,
            limits: Arc::clone(&self.0),
        }
    }
}

impl<S, B, C> Service<Request<Body>> for ReadMessage<S, C>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    C: Calls,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that was polled ready is the one to call.
        let clone = self.inner.clone();
        let inner = mem::replace(&mut self.inner, clone);
        Box::pin(Arc::clone(&self.limits).answer(inner, request))
    }
}

impl<C: Calls> Limits<C> {
    async fn answer<S, B>(
        self: Arc<Self>,
        mut inner: S,
        request: Request<Body>,
    ) -> Result<Response<Body>, S::Error>
    where
        S: Service<Request<Body>, Response = Response<B>>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let connection = C::connection(request.extensions()).cloned();
        let client = connection
            .as_ref()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |connection| {
                connection.peer().ip()
            });
        let kind = C::kind(request.uri().path());
        let request = if kind == CallKind::ClientStream {
            request
        } else {
            match self.read(request, client).await {
                Ok(request) => request,
                Err(error) => return Ok(C::unread(error).into_http()),
            }
        };
        match (kind, connection) {
            (CallKind::Open | CallKind::ClientStream, _) => {
                let (slot, _) = self.open.take(client.into());
                let response = inner.call(request).await?;
                Ok(response
                    .map(|body| Body::new(OpenStream::new(Body::new(body), slot, C::displaced))))
            }
            (CallKind::Unary, Some(connection)) => {
                let response = inner.call(request).await?;
                let answers = connection.answers();
                Ok(response.map(|body| Body::new(AnswerBody::new(body, answers))))
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
