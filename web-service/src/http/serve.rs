//! The listener: TLS or none, HTTP/1.1 and HTTP/2, and the limits of each.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{ServiceExt, extract::Request};
use axum_server::{
    Server,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use holdfast_server_kit::{
    connections::{ConnectionHandle, Connections},
    service_manager::ServiceManager,
    shutdown::DRAIN_DEADLINE,
};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::http::{
    header_timeout::PollOnlyTimer,
    pipeline::RequestPipeline,
    state::AppState,
    thread_per_core::{Admission, PeerConnection, Workers},
};

/// Largest request head that is read, in bytes; in HTTP/2 with 32 for each field (RFC 9113 §6.5.2). The limit of what is served is lower
/// ([`head`](crate::http::head)).
const MAX_HEAD: usize = 64 * 1024;
/// Number of header fields that are read, in HTTP/1.1.
const MAX_HEADERS: usize = 100;
/// [`MAX_HEAD`] for HTTP/2.
const MAX_HEAD_LIST: u32 = 64 * 1024;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 100;
/// Bytes of one body that a client may send before it is read: as many as a body may have.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The same for all bodies on a connection, which are in memory until they are read.
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Time in which the head of a request has to arrive.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval of HTTP/2 pings.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Time after which a connection without a byte from the client, not even the answer to a ping, is closed.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// Time after the last accepted connection in which clients may complete the handshake and send a request: the drain closes connections without
/// a request. A service manager that holds the socket keeps later ones for the next process.
const SETTLE_TIME: Duration = Duration::from_millis(250);

/// The HTTPS port before it serves.
pub struct Port {
    /// The listening socket.
    pub listener: TcpListener,
    /// The certificate; `None`: plain HTTP, behind a proxy that terminates TLS.
    pub tls: Option<RustlsConfig>,
    /// The connection limit.
    pub max_connections: usize,
}

/// Serves HTTPS until `shutdown`, then lets the requests in flight finish. `manager` is notified of both, and watches the threads.
///
/// # Errors
/// When a thread cannot be started, or ends by itself.
pub async fn serve(
    port: Port,
    state: &AppState,
    manager: ServiceManager,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let connections = Connections::new("https", port.max_connections, IDLE_TIMEOUT);
    let admission = Admission {
        connections: connections.clone(),
        trusted: Arc::clone(&state.requests.trusted_proxies),
    };
    let service = RequestPipeline::new(state);
    let faults = connections.clone();
    let mut workers = Workers::start(&admission, move |server| {
        serve_worker(server, faults.clone(), port.tls.clone(), service.clone())
    })?;
    tokio::spawn(manager.supervise(workers.runtimes(), shutdown.clone()));
    loop {
        tokio::select! {
            (stream, peer) = connections.accept(&port.listener) => workers.dispatch(stream, peer).await,
            error = workers.fail() => return Err(error),
            () = shutdown.cancelled() => break,
        }
    }
    drop(port.listener);
    let begun = Instant::now();
    workers.settle(SETTLE_TIME).await;
    workers
        .finish(DRAIN_DEADLINE.saturating_sub(SETTLE_TIME))
        .await;
    if begun.elapsed() >= DRAIN_DEADLINE {
        tracing::warn!(
            event = "drain.deadline_exceeded",
            "requests were still in flight after {DRAIN_DEADLINE:?}; they are aborted"
        );
    }
    Ok(())
}

async fn serve_worker(
    server: Server<PeerConnection>,
    connections: Connections,
    tls: Option<RustlsConfig>,
    service: RequestPipeline,
) -> io::Result<()> {
    let mut server = server
        .accept_error_handler(move |peer, error| {
            // An error with a peer is that of one TLS handshake.
            if peer.is_none() {
                connections.log_accept_error(error);
            }
        })
        // Also for clients that connect and send nothing.
        .first_request_timeout(HEAD_TIMEOUT);
    limit(server.http_builder());
    let service =
        ServiceExt::<Request>::into_make_service_with_connect_info::<ConnectionHandle>(service);
    match tls {
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls);
            server.acceptor(acceptor).serve(service).await
        }
        None => server.serve(service).await,
    }
}

pub(super) fn limit(http: &mut Builder<TokioExecutor>) {
    http.http1()
        .timer(PollOnlyTimer)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE)
        .max_header_list_size(MAX_HEAD_LIST)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_STREAMS);
}
