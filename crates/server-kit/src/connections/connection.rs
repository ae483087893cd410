//! A TCP connection that ends when it does nothing for too long.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use holdfast_core::rate_limited_log::LogRateLimiter;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};
use tonic::transport::server::Connected;

use crate::connections::{handle::ConnectionHandle, table::Membership};

/// How often a silent connection is looked at before it ends; it may last longer by the time between two looks.
const LOOKS: u32 = 12;

static UNTAKEN: LogRateLimiter = LogRateLimiter::new();

/// A TCP connection that counts among those of its port. It ends when nothing moves on it, or an answer is not taken, for too
/// long, and when it is closed for another one. Until then it keeps its place, and `K`.
#[derive(Debug)]
pub struct Connection<K = ()> {
    stream: TcpStream,
    handle: ConnectionHandle,
    silence: Duration,
    patience: Pin<Box<Sleep>>,
    /// How often in a row nothing had moved.
    quiet_looks: u32,
    membership: Membership,
    kept: K,
}

impl Connection {
    pub(super) fn new(
        stream: TcpStream,
        handle: ConnectionHandle,
        silence: Duration,
        membership: Membership,
    ) -> Self {
        Self {
            stream,
            handle,
            silence,
            patience: Box::pin(sleep(silence / LOOKS)),
            quiet_looks: 0,
            membership,
            kept: (),
        }
    }
}

impl<K> Connection<K> {
    /// The same connection, which keeps `more`, too.
    #[must_use]
    pub fn keeping<M>(self, more: M) -> Connection<(K, M)> {
        Connection {
            stream: self.stream,
            handle: self.handle,
            silence: self.silence,
            patience: self.patience,
            quiet_looks: self.quiet_looks,
            membership: self.membership,
            kept: (self.kept, more),
        }
    }

    /// What the requests on it see of it.
    #[must_use]
    pub const fn handle(&self) -> &ConnectionHandle {
        &self.handle
    }

    /// What was done; or the end of a connection that was closed, or on which the other side neither says nor takes anything
    /// for too long. The time is looked at a few times in all, not with each request.
    fn or_end<T>(
        &mut self,
        done: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if self.handle.is_closed() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if done.is_ready() {
            self.quiet_looks = 0;
            return done;
        }
        self.handle.wake_at_close(context.waker());
        // It may have been closed before the waker was there.
        if self.handle.is_closed() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        while self.patience.as_mut().poll(context).is_ready() {
            self.quiet_looks += 1;
            if self.quiet_looks > LOOKS || self.is_untaken() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let next = self.patience.deadline() + self.silence / LOOKS;
            self.patience.as_mut().reset(next);
        }
        Poll::Pending
    }

    fn is_untaken(&self) -> bool {
        let is_overdue = self.handle.answers().is_overdue();
        if is_overdue {
            UNTAKEN.log(|connections| {
                tracing::warn!(
                    event = "connections.answers_not_taken",
                    connections,
                    "a client did not take its responses; closing its connection"
                );
            });
        }
        is_overdue
    }
}

impl<K: Unpin> AsyncRead for Connection<K> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.or_end(read, context)
    }
}

impl<K: Unpin> AsyncWrite for Connection<K> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.or_end(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.or_end(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<K> Connected for Connection<K> {
    type ConnectInfo = ConnectionHandle;

    fn connect_info(&self) -> ConnectionHandle {
        self.handle.clone()
    }
}
