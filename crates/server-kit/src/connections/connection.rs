//! A TCP connection that is closed when it is idle for too long.

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

use crate::connections::{handle::ConnectionHandle, table::TableEntry};

/// Number of checks during the idle timeout. An idle connection may stay open longer by the time between two checks.
const CHECKS: u32 = 12;

static OVERDUE: LogRateLimiter = LogRateLimiter::new("connections.answers_not_taken");

/// A TCP connection that counts among those of its port. It is closed when no data is transferred, or a response is not received, for too
/// long, and when it is displaced by another one. `A` is kept until then.
#[derive(Debug)]
pub struct Connection<A = ()> {
    stream: TcpStream,
    handle: ConnectionHandle,
    idle_timeout: Duration,
    next_check: Pin<Box<Sleep>>,
    /// Number of checks in a row without transferred data.
    idle_checks: u32,
    entry: TableEntry,
    attachment: A,
}

impl Connection {
    pub(super) fn new(
        stream: TcpStream,
        handle: ConnectionHandle,
        idle_timeout: Duration,
        entry: TableEntry,
    ) -> Self {
        Self {
            stream,
            handle,
            idle_timeout,
            next_check: Box::pin(sleep(idle_timeout / CHECKS)),
            idle_checks: 0,
            entry,
            attachment: (),
        }
    }
}

impl<A> Connection<A> {
    /// Attaches a value, which is dropped with the connection.
    #[must_use]
    pub fn attach<M>(self, more: M) -> Connection<(A, M)> {
        Connection {
            stream: self.stream,
            handle: self.handle,
            idle_timeout: self.idle_timeout,
            next_check: self.next_check,
            idle_checks: self.idle_checks,
            entry: self.entry,
            attachment: (self.attachment, more),
        }
    }

    /// The handle for the requests on this connection.
    #[must_use]
    pub const fn handle(&self) -> &ConnectionHandle {
        &self.handle
    }

    /// The result of an operation, or an error where the connection is closed, or has been idle for too long. The time is read only for the
    /// checks, not for each request.
    fn with_idle_timeout<T>(
        &mut self,
        result: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if self.handle.is_closed() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if result.is_ready() {
            self.idle_checks = 0;
            return result;
        }
        self.handle.wake_at_close(context.waker());
        // It may have been closed before the waker was registered.
        if self.handle.is_closed() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        while self.next_check.as_mut().poll(context).is_ready() {
            self.idle_checks += 1;
            if self.idle_checks > CHECKS || self.has_overdue_response() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let next = self.next_check.deadline() + self.idle_timeout / CHECKS;
            self.next_check.as_mut().reset(next);
        }
        Poll::Pending
    }

    fn has_overdue_response(&self) -> bool {
        let is_overdue = self.handle.open_responses().advance();
        if is_overdue {
            OVERDUE.log(|connections| {
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

impl<A: Unpin> AsyncRead for Connection<A> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.with_idle_timeout(read, context)
    }
}

impl<A: Unpin> AsyncWrite for Connection<A> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.with_idle_timeout(written, context)
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
        self.with_idle_timeout(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<A> Connected for Connection<A> {
    type ConnectInfo = ConnectionHandle;

    fn connect_info(&self) -> ConnectionHandle {
        self.handle.clone()
    }
}
