//! A small HTTP client.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::select_ok;
use holdfast_tls::{PemFile, TlsFiles, TlsMaterial};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    sync::Mutex,
    task::spawn_blocking,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::outbound::AddressPolicy;

/// Time for a request, from the resolution of the name to the status of the response.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for the body of a response, which is read so that the server is not interrupted, and not used.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes that are read of the head and of the body of a response.
const MAX_RESPONSE: usize = 16 << 10;
/// Addresses of a name to which connections are tried, all at once.
const MAX_ADDRESSES: usize = 4;
/// Time after which certificate authorities are read again.
const AUTHORITIES_TTL: Duration = Duration::from_mins(10);

/// Why a request has no response.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The host has no address that requests may be sent to.
    #[error("{0} is not an address that requests may be sent to")]
    Forbidden(IpAddr),
    /// The name cannot be resolved.
    #[error("the host name cannot be resolved: {0}")]
    Resolution(io::Error),
    /// No address accepts a connection.
    #[error("no connection: {0}")]
    Connection(io::Error),
    /// The certificate of the server is not accepted, or TLS failed otherwise.
    #[error("TLS failed: {0}")]
    Tls(io::Error),
    /// There are no certificate authorities.
    #[error("certificate authorities cannot be read: {0}")]
    Authorities(String),
    /// The response is not HTTP, or the connection was closed before it.
    #[error("no valid response: {0}")]
    Http(#[from] hyper::Error),
    /// The time of the request is over.
    #[error("no response in time")]
    Timeout,
    /// The URL is not one of HTTP.
    #[error("the URL cannot be requested")]
    Url,
}

/// Sends requests, each over a connection of its own.
#[derive(Debug)]
pub struct OutboundClient {
    addresses: AddressPolicy,
    /// Certificate authorities besides those of the operating system.
    files: TlsFiles,
    tls: Mutex<Option<(Instant, Arc<ClientConfig>)>>,
}

impl OutboundClient {
    /// A client that verifies servers with the authorities of the operating system, and those in `authorities`. They are read for the first
    /// request with TLS, and again from time to time.
    #[must_use]
    pub fn new(addresses: AddressPolicy, authorities: Option<PemFile>) -> Self {
        Self {
            addresses,
            files: TlsFiles {
                authorities,
                ..TlsFiles::default()
            },
            tls: Mutex::default(),
        }
    }

    /// Sends a form by POST, and returns the status of the response, also that of a redirect, which is not followed.
    ///
    /// # Errors
    /// There is no response within [`REQUEST_TIMEOUT`], or the address is not permitted.
    pub async fn post_form(&self, url: &Url, form: String) -> Result<StatusCode, OutboundError> {
        // A response that arrives at the last moment counts, whatever becomes of its body.
        let sent = timeout(REQUEST_TIMEOUT + BODY_TIMEOUT, self.send(url, form)).await;
        sent.unwrap_or(Err(OutboundError::Timeout))
    }

    async fn send(&self, url: &Url, form: String) -> Result<StatusCode, OutboundError> {
        let request = post(url, form).map_err(|_| OutboundError::Url)?;
        let addresses = self.permitted(&resolve(url).await?)?;
        let stream = connect(&addresses)
            .await
            .map_err(OutboundError::Connection)?;
        if url.scheme() != "https" {
            return Ok(exchange(stream, request).await?);
        }
        let connector = TlsConnector::from(self.tls().await?);
        let stream = connector.connect(server_name(url)?, stream).await;
        Ok(exchange(stream.map_err(OutboundError::Tls)?, request).await?)
    }

    /// The addresses to which a request may be sent.
    fn permitted(&self, resolved: &[SocketAddr]) -> Result<Vec<SocketAddr>, OutboundError> {
        let is_permitted = |address: &&SocketAddr| self.addresses.permits(address.ip());
        let permitted = resolved.iter().filter(is_permitted).take(MAX_ADDRESSES);
        let permitted: Vec<_> = permitted.copied().collect();
        match resolved.first() {
            Some(first) if permitted.is_empty() => Err(OutboundError::Forbidden(first.ip())),
            _ => Ok(permitted),
        }
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>, OutboundError> {
        let mut cached = self.tls.lock().await;
        if let Some((read_at, config)) = &*cached
            && read_at.elapsed() < AUTHORITIES_TTL
        {
            return Ok(config.clone());
        }
        let files = self.files.clone();
        let read = spawn_blocking(move || {
            let material = TlsMaterial::load(&files).map_err(|problems| problems.join("; "))?;
            let config = material.client_config_with_system_roots();
            config.map_err(|why| why.to_string())
        });
        let read = read.await.map_err(|why| why.to_string());
        match (read.and_then(|config| config), &*cached) {
            (Ok(config), _) => {
                let config = Arc::new(config);
                *cached = Some((Instant::now(), config.clone()));
                Ok(config)
            }
            // A file that is being replaced.
            (Err(_), Some((_, earlier))) => Ok(earlier.clone()),
            (Err(why), None) => Err(OutboundError::Authorities(why)),
        }
    }
}

/// The request, with the URL's path in place of the whole.
fn post(url: &Url, form: String) -> http::Result<Request<Full<Bytes>>> {
    let host = url.host_str().unwrap_or_default();
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    Request::post(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header(header::HOST, authority)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::CONNECTION, "close")
        .body(Full::new(form.into()))
}

async fn resolve(url: &Url) -> Result<Vec<SocketAddr>, OutboundError> {
    let port = url.port_or_known_default().ok_or(OutboundError::Url)?;
    match url.host().ok_or(OutboundError::Url)? {
        Host::Domain(name) => {
            let found = lookup_host((name, port)).await;
            let found: Vec<_> = found.map_err(OutboundError::Resolution)?.collect();
            if found.is_empty() {
                let why = io::Error::other("it has no address");
                return Err(OutboundError::Resolution(why));
            }
            Ok(found)
        }
        Host::Ipv4(address) => Ok(vec![(address, port).into()]),
        Host::Ipv6(address) => Ok(vec![(address, port).into()]),
    }
}

/// Connects to the first address that accepts: a network may drop the packets to some of them.
async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let attempts = addresses
        .iter()
        .map(|address| Box::pin(TcpStream::connect(*address)));
    let (stream, _others) = select_ok(attempts).await?;
    Ok(stream)
}

fn server_name(url: &Url) -> Result<ServerName<'static>, OutboundError> {
    match url.host().ok_or(OutboundError::Url)? {
        Host::Domain(name) => ServerName::try_from(name.to_owned()).map_err(|_| OutboundError::Url),
        Host::Ipv4(address) => Ok(IpAddr::from(address).into()),
        Host::Ipv6(address) => Ok(IpAddr::from(address).into()),
    }
}

/// Sends a request over a connection, which is closed when this returns.
async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> hyper::Result<StatusCode>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_RESPONSE)
        .handshake(TokioIo::new(stream))
        .await?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        // The status decides, whatever becomes of the body.
        let _ = timeout(BODY_TIMEOUT, discard(response.into_body())).await;
        Ok(status)
    };
    tokio::pin!(exchange);
    tokio::select! {
        status = &mut exchange => status,
        _closed = connection => exchange.await,
    }
}

async fn discard(mut body: Incoming) {
    let mut left = MAX_RESPONSE;
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(1, Bytes::len);
        if read >= left {
            return;
        }
        left -= read;
    }
}

#[cfg(test)]
mod tests;
