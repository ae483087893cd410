//! The connections of the gRPC port: TLS handshakes and peers.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, stream};
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_server_kit::connections::{BoundedListener, Connection, ConnectionHandle};
use holdfast_tls::TlsMaterial;
use http::Extensions;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tonic::{Request, transport::server::Connected};

/// The longest time that a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The ALPN protocols: gRPC needs HTTP/2.
const PROTOCOLS: [&[u8]; 1] = [b"h2"];

static FAILED_HANDSHAKES: LogRateLimiter = LogRateLimiter::new();

/// The server certificate of the port and the authorities of client certificates; both can be replaced while it serves. Clones share them.
#[derive(Clone)]
pub struct PortTls(watch::Sender<Arc<TlsState>>);

struct TlsState {
    acceptor: TlsAcceptor,
    /// `None`: callers need no certificate.
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

impl PortTls {
    /// TLS with the certificate of `material`. Callers must present a certificate of one of its authorities, if it has any.
    ///
    /// # Errors
    /// rustls rejects the certificate, the key or the authorities.
    pub fn new(material: &TlsMaterial) -> anyhow::Result<Self> {
        Ok(Self(watch::Sender::new(Arc::new(TlsState::new(material)?))))
    }

    /// Replaces the material. A connection whose client certificate is not valid under the new authorities is closed when the next bytes
    /// arrive on it.
    ///
    /// # Errors
    /// rustls rejects the material; the present one stays in use.
    pub fn replace(&self, material: &TlsMaterial) -> anyhow::Result<()> {
        self.0.send_replace(Arc::new(TlsState::new(material)?));
        Ok(())
    }
}

impl TlsState {
    fn new(material: &TlsMaterial) -> anyhow::Result<Self> {
        Ok(Self {
            acceptor: Arc::new(material.server_config(&PROTOCOLS)?).into(),
            clients: material.client_verifier()?,
        })
    }
}

/// The connections of the port as they become ready for calls. Handshakes are concurrent, one for each connection that `listener` accepts,
/// so that a slow one does not delay the others.
pub(super) fn incoming(
    listener: BoundedListener,
    tls: Option<PortTls>,
) -> impl Stream<Item = io::Result<PortStream>> {
    stream::unfold(
        (listener, tls, JoinSet::new()),
        async |(listener, tls, mut handshakes)| {
            let ready = loop {
                tokio::select! {
                    (connection, peer) = listener.next() => match &tls {
                        None => break PortStream::Plain(connection),
                        Some(tls) => drop(handshakes.spawn(handshake(connection, peer, tls.0.subscribe()))),
                    },
                    Some(finished) = handshakes.join_next() => {
                        if let Ok(Some(encrypted)) = finished {
                            break PortStream::Encrypted(Box::new(encrypted));
                        }
                    }
                }
            };
            Some((Ok(ready), (listener, tls, handshakes)))
        },
    )
}

async fn handshake(
    connection: Connection,
    peer: SocketAddr,
    mut tls: watch::Receiver<Arc<TlsState>>,
) -> Option<Encrypted> {
    let acceptor = tls.borrow_and_update().acceptor.clone();
    let accepted = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(connection)).await;
    match accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(stream) => Some(Encrypted { stream, tls }),
        Err(error) => {
            FAILED_HANDSHAKES.log(|times| {
                tracing::info!(event = "tls.handshake_failed", %error, %peer, times, "TLS handshake failed");
            });
            None
        }
    }
}

/// A connection that is ready for calls.
pub(super) enum PortStream {
    Plain(Connection),
    Encrypted(Box<Encrypted>),
}

/// A connection after its handshake.
pub(super) struct Encrypted {
    stream: TlsStream<Connection>,
    tls: watch::Receiver<Arc<TlsState>>,
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

/// The other end of a connection, as an extension of each request.
#[derive(Clone)]
pub(super) struct Peer {
    connection: ConnectionHandle,
    certificates: Option<Arc<[CertificateDer<'static>]>>,
}

impl Peer {
    /// The connection of a call, from its extensions.
    pub(super) fn connection(extensions: &Extensions) -> Option<&ConnectionHandle> {
        extensions.get::<Self>().map(|peer| &peer.connection)
    }

    /// The address of the peer.
    pub(super) fn address<T>(request: &Request<T>) -> Option<SocketAddr> {
        Self::connection(request.extensions()).map(ConnectionHandle::peer)
    }

    /// The leaf certificate of the peer, which the handshake verified.
    pub(super) fn certificate<T>(request: &Request<T>) -> Option<&CertificateDer<'static>> {
        let peer = request.extensions().get::<Self>()?;
        peer.certificates.as_ref()?.first()
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
