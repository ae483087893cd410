//! A port's connections: only so many, and none that is silent for long.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::seldom::Seldom;

/// How long to wait when the system gives no connection, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often a silent connection is looked at before it ends; it may last longer by the time between two looks.
const LOOKS: u32 = 12;

/// Counts the connections of a port. Clones count together.
#[derive(Clone, Debug)]
pub struct Connections {
    permits: Arc<Semaphore>,
    limit: usize,
    silence: Duration,
    refusals: Arc<Seldom>,
    faults: Arc<Seldom>,
}

impl Connections {
    /// At most `limit` at once, each closed when nothing arrives on it, or is taken from it, for the time of `silence`, or a twelfth
    /// longer.
    #[must_use]
    pub fn new(limit: usize, silence: Duration) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limit)),
            limit,
            silence,
            refusals: Arc::default(),
            faults: Arc::default(),
        }
    }

    /// Takes a new connection in. `None` when there are enough: it is closed at once, before it costs anything.
    #[must_use]
    pub fn admit(&self, stream: TcpStream) -> Option<Connection> {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            self.refusals.log(|refused| {
                tracing::warn!(
                    limit = self.limit,
                    refused,
                    "all connections are taken; new ones are closed"
                );
            });
            return None;
        };
        // Answers are small; without it they could wait for a packet that never comes.
        let _ = stream.set_nodelay(true);
        Some(Connection {
            stream,
            silence: self.silence,
            patience: Box::pin(sleep(self.silence / LOOKS)),
            quiet_looks: 0,
            kept: permit,
        })
    }

    /// The next connection that the system gives, which is not taken in yet.
    pub async fn accept(&self, listener: &TcpListener) -> (TcpStream, SocketAddr) {
        loop {
            match listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    self.cannot_accept(&error);
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Tells that the system gave no connection.
    pub fn cannot_accept(&self, error: &io::Error) {
        self.faults.log(|times| {
            tracing::error!(%error, times, "a connection cannot be accepted");
        });
    }
}

/// A TCP connection that counts, and ends when nothing moves on it for too long. Until then it keeps its place, or more.
#[derive(Debug)]
pub struct Connection<K = OwnedSemaphorePermit> {
    stream: TcpStream,
    silence: Duration,
    patience: Pin<Box<Sleep>>,
    /// How often in a row nothing had moved.
    quiet_looks: u32,
    kept: K,
}

impl<K> Connection<K> {
    /// The same connection, which keeps `more`, too.
    #[must_use]
    pub fn keeping<M>(self, more: M) -> Connection<(K, M)> {
        Connection {
            stream: self.stream,
            silence: self.silence,
            patience: self.patience,
            quiet_looks: self.quiet_looks,
            kept: (self.kept, more),
        }
    }

    /// What was done; or, where the other side neither says nor takes anything, the end once that lasted too long. The time is
    /// looked at a few times in all, not with each request.
    fn or_patience<T>(
        &mut self,
        done: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.quiet_looks = 0;
            return done;
        }
        while self.patience.as_mut().poll(context).is_ready() {
            self.quiet_looks += 1;
            if self.quiet_looks > LOOKS {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let next = self.patience.deadline() + self.silence / LOOKS;
            self.patience.as_mut().reset(next);
        }
        Poll::Pending
    }
}

impl<K: Unpin> AsyncRead for Connection<K> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.or_patience(read, context)
    }
}

impl<K: Unpin> AsyncWrite for Connection<K> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.or_patience(written, context)
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
        self.or_patience(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<K> Connected for Connection<K> {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

/// A listener whose connections are counted.
#[derive(Debug)]
pub struct BoundedListener {
    listener: TcpListener,
    connections: Connections,
}

impl BoundedListener {
    /// Counts what `listener` accepts.
    #[must_use]
    pub const fn new(listener: TcpListener, connections: Connections) -> Self {
        Self {
            listener,
            connections,
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The next connection that is taken in.
    pub async fn next(&self) -> (Connection, SocketAddr) {
        loop {
            let (stream, address) = self.connections.accept(&self.listener).await;
            if let Some(connection) = self.connections.admit(stream) {
                return (connection, address);
            }
        }
    }
}

impl Listener for BoundedListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        self.next().await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.address()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        time::Instant,
    };

    use super::*;

    const SILENCE: Duration = Duration::from_mins(1);

    async fn port(limit: usize) -> (BoundedListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Connections::new(limit, SILENCE);
        (BoundedListener::new(listener, connections), address)
    }

    #[tokio::test]
    async fn beyond_the_limit_a_connection_is_closed_at_once() {
        let (listener, address) = port(1).await;
        let first = TcpStream::connect(address).await.unwrap();
        let (first_here, _) = listener.next().await;
        tokio::spawn(async move { listener.next().await });

        let mut surplus = TcpStream::connect(address).await.unwrap();
        let mut nothing = Vec::new();
        // Closed, by a farewell or by a reset.
        let closed = surplus.read_to_end(&mut nothing).await;
        assert!(closed.is_err() || nothing.is_empty());
        drop((first, first_here));
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_connection_ends() {
        let (listener, address) = port(1).await;
        for _ in 0..3 {
            let _client = TcpStream::connect(address).await.unwrap();
            drop(listener.next().await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_ends() {
        let (listener, address) = port(1).await;
        let client = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = listener.next().await;

        let stuck = loop {
            if let Err(error) = connection.write_all(&[0; 8 * 1024]).await {
                break error;
            }
        };

        assert_eq!(stuck.kind(), io::ErrorKind::TimedOut);
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_ends() {
        let (listener, address) = port(1).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = listener.next().await;
        let begun = Instant::now();

        client.write_all(b"x").await.unwrap();
        assert_eq!(connection.read_u8().await.unwrap(), b'x');
        let silent = connection.read_u8().await.unwrap_err();

        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
        assert!((SILENCE..SILENCE * 3 / 2).contains(&begun.elapsed()));
    }
}
