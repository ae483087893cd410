//! The peer of a connection.

use std::{net::SocketAddr, sync::Arc};

use holdfast_server_kit::connections::ConnectionHandle;
use http::Extensions;
use rustls_pki_types::CertificateDer;
use tonic::Request;

/// The other end of a connection, as an extension of each request.
#[derive(Clone)]
pub(in crate::grpc) struct Peer {
    pub(super) connection: ConnectionHandle,
    pub(super) certificates: Option<Arc<[CertificateDer<'static>]>>,
}

impl Peer {
    /// The connection of a call, from its extensions.
    pub(in crate::grpc) fn connection(extensions: &Extensions) -> Option<&ConnectionHandle> {
        extensions.get::<Self>().map(|peer| &peer.connection)
    }

    /// The address of the peer.
    pub(in crate::grpc) fn address<T>(request: &Request<T>) -> Option<SocketAddr> {
        Self::connection(request.extensions()).map(ConnectionHandle::peer)
    }

    /// The leaf certificate of the peer, which the handshake verified.
    pub(in crate::grpc) fn certificate<T>(
        request: &Request<T>,
    ) -> Option<&CertificateDer<'static>> {
        let peer = request.extensions().get::<Self>()?;
        peer.certificates.as_ref()?.first()
    }
}
