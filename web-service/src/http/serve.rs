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
    router,
    state::AppState,
    thread_per_core::{Admission, Peer, Workers},
};

/// The largest request head that is read, in bytes; in HTTP/2 with 32 for each field (RFC 9113 §6.5.2). What is served is smaller
/// ([`head`](crate::http::head)).
const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
const MAX_HEAD_LIST: u32 = 64 * 1024;
const MAX_STREAMS: u32 = 100;
/// What a client may send of one body before it is read: as much as a body may have.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The same of all bodies on a connection: what is not read stays in memory.
const CONNECTION_WINDOW: u32 = 256 * 1024;
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(20);

/// How long a client may send nothing at all, not even the answer to a ping.
pub(super) const MAX_SILENCE: Duration = Duration::from_mins(1);

/// Where HTTPS is served, and how much of it at once.
pub struct Port {
    /// The socket.
    pub listener: TcpListener,
    /// The certificate; `None`: a proxy speaks TLS.
    pub tls: Option<RustlsConfig>,
    /// The number of connections.
    pub max_connections: usize,
}

/// Serves HTTPS until `shutdown`, then lets the requests in flight finish.
///
/// # Errors
/// When a thread that serves cannot be started, or ends.
pub async fn serve(port: Port, state: &AppState, shutdown: CancellationToken) -> io::Result<()> {
    let connections = Connections::new(port.max_connections, MAX_SILENCE);
    let admission = Admission {
        connections: connections.clone(),
        trusted: Arc::clone(&state.requests.trusted_proxies),
    };
    let service = router::service(state);
    let faults = connections.clone();
    let mut threads = Workers::start(&admission, move |server| {
        serve_thread(server, faults.clone(), port.tls.clone(), service.clone())
    })?;
    loop {
        tokio::select! {
            (stream, peer) = connections.accept(&port.listener) => threads.hand(stream, peer).await,
            error = threads.fail() => return Err(error),
            () = shutdown.cancelled() => break,
        }
    }
    drop(port.listener);
    let begun = Instant::now();
    threads.finish(DRAIN_DEADLINE).await;
    if begun.elapsed() >= DRAIN_DEADLINE {
        tracing::warn!("requests were still in flight after {DRAIN_DEADLINE:?}");
    }
    Ok(())
}

async fn serve_thread(
    server: Server<Peer>,
    connections: Connections,
    tls: Option<RustlsConfig>,
    service: RequestPipeline,
) -> io::Result<()> {
    let mut server = server
        .accept_error_handler(move |peer, error| {
            // With a peer it is only that one's handshake.
            if peer.is_none() {
                connections.cannot_accept(error);
            }
        })
        // Also for who connects and says nothing, not even which version of HTTP.
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
