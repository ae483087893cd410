//! Connections to web-service below HTTP.

use std::{io, sync::Arc};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use crate::{pair::Pair, site::Site};

fn connector(site: &Site, protocol: &[u8]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(&site.ca_file).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// Opens a TLS connection to web-service with this protocol (ALPN).
///
/// # Errors
/// When the connection is refused or fails.
pub async fn connect(pair: &Pair, protocol: &[u8]) -> io::Result<TlsStream<TcpStream>> {
    connect_to(&pair.site, &pair.web_address.to_string(), protocol).await
}

/// Opens a TLS connection to another address whose certificate comes from the same authority.
///
/// # Errors
/// When the connection is refused or fails.
pub async fn connect_to(
    site: &Site,
    address: &str,
    protocol: &[u8],
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    connector(site, protocol).connect(name, stream).await
}
