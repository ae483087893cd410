//! TLS of the gRPC port, which can be replaced while the port serves.

use std::sync::Arc;

use holdfast_tls::TlsMaterial;
use rustls::server::danger::ClientCertVerifier;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// The ALPN protocols: gRPC needs HTTP/2.
const PROTOCOLS: [&[u8]; 1] = [b"h2"];

/// The TLS state of a port as one of its connections sees it.
pub(super) type TlsReceiver = watch::Receiver<Arc<TlsState>>;

/// The server certificate of the port and the authorities of client certificates; both can be replaced while it serves. Clones share them.
#[derive(Clone)]
pub struct PortTls(watch::Sender<Arc<TlsState>>);

/// What handshakes and connections need of TLS.
pub(super) struct TlsState {
    pub(super) acceptor: TlsAcceptor,
    /// `None`: callers need no certificate.
    pub(super) clients: Option<Arc<dyn ClientCertVerifier>>,
}

impl PortTls {
    /// TLS with the certificate of `material`. Callers must present a certificate of one of its authorities, if it has any.
    ///
    /// # Errors
    /// rustls rejects the certificate, the key or the authorities.
    pub fn new(material: &TlsMaterial) -> anyhow::Result<Self> {
        Ok(Self(watch::Sender::new(Arc::new(TlsState::new(material)?))))
    }

    pub(super) fn subscribe(&self) -> TlsReceiver {
        self.0.subscribe()
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
