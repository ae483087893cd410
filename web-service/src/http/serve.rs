//! The listener: TLS or none, HTTP/1.1 and HTTP/2, and the limits of each.

use std::{
    future::{Ready, ready},
    io,
    net::SocketAddr,
    time::Duration,
};

use axum::{ServiceExt, extract::Request};
use axum_server::{
    Handle,
    accept::Accept,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper_util::rt::TokioTimer;
use service_kit::connections::{Connection, Connections};
use tokio::net::{TcpListener, TcpStream};

use super::{router, state::AppState};

/// The largest request head, in bytes.
const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 100;
const MAX_STREAMS: u32 = 100;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(20);

/// How long a client may send nothing at all, not even the answer to a ping.
const MAX_SILENCE: Duration = Duration::from_mins(1);

/// Where HTTPS is served, and how much of it at once.
pub struct Port {
    /// The socket.
    pub listener: TcpListener,
    /// The certificate; `None`: a proxy speaks TLS.
    pub tls: Option<RustlsConfig>,
    /// The number of connections.
    pub max_connections: usize,
}

/// Serves HTTPS until the handle says stop.
///
/// # Errors
/// When the listener fails.
pub async fn serve(port: Port, handle: Handle<SocketAddr>, state: AppState) -> io::Result<()> {
    let connections = Connections::new(port.max_connections, MAX_SILENCE);
    let admission = Admission(connections.clone());
    let mut server = axum_server::Server::from_listener(port.listener)
        .handle(handle)
        .accept_error_handler(move |peer, error| {
            // With a peer it is only that one's handshake.
            if peer.is_none() {
                connections.cannot_accept(error);
            }
        })
        // Also for who connects and says nothing, not even which version of HTTP.
        .first_request_timeout(HEAD_TIMEOUT);
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE)
        .max_header_list_size(16 * 1024)
        .max_concurrent_streams(MAX_STREAMS);
    let service = router::service(&state);
    let service = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(service);
    match port.tls {
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls).acceptor(admission);
            server.acceptor(acceptor).serve(service).await
        }
        None => server.acceptor(admission).serve(service).await,
    }
}

/// Counts connections before their TLS handshake costs anything.
#[derive(Clone)]
struct Admission(Connections);

impl<S> Accept<TcpStream, S> for Admission {
    type Stream = Connection;
    type Service = S;
    type Future = Ready<io::Result<(Connection, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let admitted = self.0.admit(stream).map(|connection| (connection, service));
        ready(admitted.ok_or_else(|| io::Error::other("all connections are taken")))
    }
}
