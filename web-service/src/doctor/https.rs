//! A small HTTPS client for requests to the public URL.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use futures_util::future::select_ok;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::Url;

/// The longest response that is read, in bytes.
const MAX_BODY: usize = 64 << 10;
/// Time in which a name has to be resolved.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Time in which one of the addresses of a host has to accept a connection; a firewall may drop the packets.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The own address and port of the connection.
    pub(super) local: SocketAddr,
}

/// Connects to the host and the port of a URL, by all of its addresses at once: a network may drop the packets to some of them.
pub(super) async fn connect(url: &Url) -> anyhow::Result<TcpStream> {
    let port = url.port_or_known_default().context("there is no port")?;
    let addresses = timeout(RESOLVE_TIMEOUT, lookup_host((host(url)?, port))).await;
    let addresses = addresses.context("the name was not resolved in time")??;
    Ok(first_connected(addresses.map(TcpStream::connect)).await?)
}

/// The first of these attempts that succeeds, or the error of the last one that failed.
async fn first_connected<T>(
    attempts: impl Iterator<Item = impl Future<Output = io::Result<T>>>,
) -> io::Result<T> {
    let attempts = attempts.map(|attempt| {
        Box::pin(async {
            let connected = timeout(CONNECT_TIMEOUT, attempt).await;
            connected.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))
        })
    });
    let attempts: Vec<_> = attempts.collect();
    if attempts.is_empty() {
        return Err(io::Error::other("the name has no address"));
    }
    let (connected, _others) = select_ok(attempts).await?;
    Ok(connected)
}

/// Verifies the certificate of the server.
pub(super) async fn handshake(
    url: &Url,
    stream: TcpStream,
    tls: &ClientConfig,
) -> io::Result<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(Arc::new(tls.clone()));
    let name = host(url).map_err(io::Error::other)?.to_owned();
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    connector.connect(name, stream).await
}

/// Whether a handshake failed because of the server's certificate.
pub(super) fn is_certificate_refused(error: &io::Error) -> bool {
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<rustls::Error>());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

/// The certificates that the server presented, the own one first.
pub(super) fn presented_chain(stream: &TlsStream<TcpStream>) -> &[CertificateDer<'static>] {
    stream.get_ref().1.peer_certificates().unwrap_or_default()
}

/// Sends one request without a body over a new connection.
pub(super) async fn send(
    url: &Url,
    tls: &ClientConfig,
    (method, path): (Method, &str),
    headers: &[(&str, &str)],
) -> anyhow::Result<Answer> {
    let context = format!("{method} {path}");
    let answer = async {
        let stream = handshake(url, connect(url).await?, tls).await?;
        let local = stream.get_ref().0.local_addr()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, url.authority())
            .header(header::ACCEPT, "*/*");
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let response = sender.send_request(request.body(Body::empty())?).await?;
        let (parts, body) = response.into_parts();
        let body = to_bytes(Body::new(body), MAX_BODY).await;
        anyhow::Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.map_err(|why| anyhow!(why))?,
            local,
        })
    };
    answer.await.context(context)
}

/// The name or the address, IPv6 without brackets.
fn host(url: &Url) -> anyhow::Result<&str> {
    let host = url.host_str().context("there is no host")?;
    Ok(host.trim_start_matches('[').trim_end_matches(']'))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::{FutureExt as _, future::BoxFuture};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn address_that_does_not_answer_does_not_delay_another_one() {
        let attempts: [BoxFuture<'_, io::Result<u8>>; 2] =
            [pending().boxed(), ready(Ok(7)).boxed()];
        let begun = tokio::time::Instant::now();
        assert_eq!(first_connected(attempts.into_iter()).await.unwrap(), 7);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_that_do_not_answer_fail_after_two_seconds() {
        let attempts = (0..3).map(|_| pending::<io::Result<()>>());
        let begun = tokio::time::Instant::now();
        let error = first_connected(attempts).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), CONNECT_TIMEOUT);
        let none = first_connected(std::iter::empty::<std::future::Ready<io::Result<()>>>());
        assert!(none.await.is_err());
    }
}
