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
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
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
    /// The body of the response is too long.
    #[error("the response has more than {0} bytes")]
    TooLong(usize),
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
        let request = request(Method::POST, url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::CACHE_CONTROL, "no-store")
            .body(Full::new(form.into()))
            .map_err(|_| OutboundError::Url)?;
        let read = async |response: Response<Incoming>| {
            let status = response.status();
            // The status decides, whatever becomes of the body.
            let _ = timeout(BODY_TIMEOUT, discard(response.into_body())).await;
            status
        };
        // A response that arrives at the last moment counts.
        let sent = timeout(
            REQUEST_TIMEOUT + BODY_TIMEOUT,
            self.send(url, request, read),
        )
        .await;
        sent.unwrap_or(Err(OutboundError::Timeout))
    }

    /// Requests a document by GET, and returns the response, also that of a redirect, which is not followed.
    ///
    /// # Errors
    /// There is no response of at most `max_length` bytes within `limit`, or the address is not permitted.
    pub async fn get(
        &self,
        url: &Url,
        (max_length, limit): (usize, Duration),
    ) -> Result<Response<Bytes>, OutboundError> {
        let request = request(Method::GET, url)
            .header(header::ACCEPT, "application/json")
            .body(Full::default())
            .map_err(|_| OutboundError::Url)?;
        let read = async |response: Response<Incoming>| collect(response, max_length).await;
        let sent = timeout(limit, self.send(url, request, read)).await;
        sent.unwrap_or(Err(OutboundError::Timeout))?
    }

    /// Sends a request, and returns what `read` makes of the response.
    async fn send<T>(
        &self,
        url: &Url,
        request: Request<Full<Bytes>>,
        read: impl AsyncFnOnce(Response<Incoming>) -> T,
    ) -> Result<T, OutboundError> {
        let addresses = self.permitted(&resolve(url).await?)?;
        let stream = connect(&addresses)
            .await
            .map_err(OutboundError::Connection)?;
        if url.scheme() != "https" {
            return Ok(exchange(stream, request, read).await?);
        }
        let connector = TlsConnector::from(self.tls().await?);
        let stream = connector.connect(server_name(url)?, stream).await;
        Ok(exchange(stream.map_err(OutboundError::Tls)?, request, read).await?)
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

/// A request, with the URL's path in place of the whole, over a connection that is closed after it.
fn request(method: Method, url: &Url) -> http::request::Builder {
    let host = url.host_str().unwrap_or_default();
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    Request::builder()
        .method(method)
        .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header(header::HOST, authority)
        .header(header::CONNECTION, "close")
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

/// Sends a request over a connection, which is closed when this returns, and reads the response.
async fn exchange<S, T>(
    stream: S,
    request: Request<Full<Bytes>>,
    read: impl AsyncFnOnce(Response<Incoming>) -> T,
) -> hyper::Result<T>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_RESPONSE)
        .handshake(TokioIo::new(stream))
        .await?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        Ok(read(response).await)
    };
    tokio::pin!(exchange);
    tokio::select! {
        read = &mut exchange => read,
        _closed = connection => exchange.await,
    }
}

/// The response with its body, which is read up to a length.
async fn collect(
    response: Response<Incoming>,
    max_length: usize,
) -> Result<Response<Bytes>, OutboundError> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, max_length).collect().await;
    match body {
        Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
        Err(error) => Err(match error.downcast::<hyper::Error>() {
            Ok(error) => OutboundError::Http(*error),
            Err(_) => OutboundError::TooLong(max_length),
        }),
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
