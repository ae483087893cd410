//! The listener: TLS, HTTP/1.1 and HTTP/2, and the limits of each.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use axum_server::{Handle, tls_rustls::RustlsConfig};
use hyper_util::rt::TokioTimer;

use super::{router::router, state::AppState};

/// The largest request head, in bytes.
const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 100;
const MAX_STREAMS: u32 = 100;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Serves HTTPS until the handle says stop.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    tls: RustlsConfig,
    handle: Handle<SocketAddr>,
    state: AppState,
) -> io::Result<()> {
    let mut server = axum_server::from_tcp_rustls(listener, tls)?
        .handle(handle)
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
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    server.serve(service).await
}
