//! A small HTTPS client for questions to the public URL.

use std::sync::Arc;

use anyhow::Context as _;
use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use holdfast_tls::TlsMaterial;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::Url;

/// The longest response that is read, in bytes.
const MAX_BODY: usize = 64 << 10;

/// A response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Connects to the host and the port of a URL.
pub(super) async fn connect_tcp(url: &Url) -> anyhow::Result<TcpStream> {
    let port = url.port_or_known_default().context("there is no port")?;
    Ok(TcpStream::connect((host(url)?, port)).await?)
}

/// Verifies the certificate of the server.
pub(super) async fn handshake(
    url: &Url,
    stream: TcpStream,
    tls: &TlsMaterial,
) -> anyhow::Result<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(Arc::new(tls.client_config()?));
    let name = ServerName::try_from(host(url)?.to_owned())?;
    Ok(connector.connect(name, stream).await?)
}

/// The certificates that the server presented, the own one first.
pub(super) fn presented_chain(stream: &TlsStream<TcpStream>) -> &[CertificateDer<'static>] {
    stream.get_ref().1.peer_certificates().unwrap_or_default()
}

/// Sends one request without a body over a new connection.
pub(super) async fn send(
    url: &Url,
    tls: &TlsMaterial,
    method: Method,
    path: &str,
) -> anyhow::Result<Answer> {
    let stream = handshake(url, connect_tcp(url).await?, tls).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let authority = url.authority();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, authority)
        .header(header::ACCEPT, "*/*")
        .body(Body::empty())?;
    let (parts, body) = sender.send_request(request).await?.into_parts();
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: to_bytes(Body::new(body), MAX_BODY).await?,
    })
}

/// The name or the address, IPv6 without brackets.
fn host(url: &Url) -> anyhow::Result<&str> {
    let host = url.host_str().context("there is no host")?;
    Ok(host.trim_start_matches('[').trim_end_matches(']'))
}
