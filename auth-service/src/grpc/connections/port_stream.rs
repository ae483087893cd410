//! A connection that is ready for calls, with or without TLS.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use holdfast_server_kit::connections::Connection;
use rustls_pki_types::UnixTime;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::grpc::connections::{peer::Peer, port_tls::TlsReceiver};

/// A connection that is ready for calls.
pub(in crate::grpc) enum PortStream {
    Plain(Connection),
    Encrypted(Box<Encrypted>),
}

/// A connection after its handshake.
pub(in crate::grpc) struct Encrypted {
    pub(super) stream: TlsStream<Connection>,
    pub(super) tls: TlsReceiver,
}

impl Encrypted {
    /// Whether the client certificate is valid under the present authorities. It is verified again only after they were replaced.
    fn is_trusted(&mut self) -> bool {
        if !self.tls.has_changed().unwrap_or_default() {
            return true;
        }
        let current = self.tls.borrow_and_update().clone();
        let Some(verifier) = &current.clients else {
            return true;
        };
        let (_, session) = self.stream.get_ref();
        let chain = session.peer_certificates().and_then(<[_]>::split_first);
        chain.is_some_and(|(leaf, intermediates)| {
            let now = UnixTime::now();
            verifier
                .verify_client_cert(leaf, intermediates, now)
                .is_ok()
        })
    }
}

impl Connected for PortStream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        let (connection, certificates) = match self {
            Self::Plain(connection) => (connection, None),
            Self::Encrypted(encrypted) => {
                let (connection, session) = encrypted.stream.get_ref();
                (connection, session.peer_certificates().map(Arc::from))
            }
        };
        Peer {
            connection: connection.handle().clone(),
            certificates,
        }
    }
}

impl AsyncRead for PortStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(connection) => Pin::new(connection).poll_read(context, buffer),
            Self::Encrypted(encrypted) => {
                if !encrypted.is_trusted() {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
                }
                Pin::new(&mut encrypted.stream).poll_read(context, buffer)
            }
        }
    }
}

impl AsyncWrite for PortStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(connection) => Pin::new(connection).poll_write(context, bytes),
            Self::Encrypted(encrypted) => {
                Pin::new(&mut encrypted.stream).poll_write(context, bytes)
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(connection) => Pin::new(connection).poll_flush(context),
            Self::Encrypted(encrypted) => Pin::new(&mut encrypted.stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(connection) => Pin::new(connection).poll_shutdown(context),
            Self::Encrypted(encrypted) => Pin::new(&mut encrypted.stream).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(connection) => Pin::new(connection).poll_write_vectored(context, slices),
            Self::Encrypted(encrypted) => {
                Pin::new(&mut encrypted.stream).poll_write_vectored(context, slices)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(connection) => connection.is_write_vectored(),
            Self::Encrypted(encrypted) => encrypted.stream.is_write_vectored(),
        }
    }
}
