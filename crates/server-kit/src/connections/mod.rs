//! The connections of a port: a maximum number, an idle timeout, and displacement of idle connections by new ones.

mod connection;
mod handle;
mod listener;
mod metrics;
mod open_responses;
mod table;
#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use holdfast_core::rate_limited_log::LogRateLimiter;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::sleep,
};

use self::table::{Admitted, Table};
pub use self::{
    connection::Connection,
    handle::ConnectionHandle,
    listener::BoundedListener,
    metrics::register as register_metrics,
    open_responses::{OpenResponses, TrackedBody},
};
use crate::refusals::Limit;

/// Time after which accepting is retried when it fails, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Maximum number of connections that wait to be accepted, where `net.core.somaxconn` allows it. Where the queue is full, Linux drops the
/// first packet of a new connection, and the client sends it again after a second.
const BACKLOG: u32 = 4096;

/// Listens on `address`.
///
/// # Errors
/// When the address is in use, is not one of this machine, or may not be used.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The connections of a port. Clones share the limit.
#[derive(Clone, Debug)]
pub struct Connections {
    table: Table,
    limit: usize,
    idle_timeout: Duration,
    log: Arc<Log>,
}

#[derive(Debug)]
struct Log {
    refused: LogRateLimiter,
    replaced: LogRateLimiter,
    accept_errors: LogRateLimiter,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            refused: LogRateLimiter::new("connections.refused"),
            replaced: LogRateLimiter::new("connections.replaced"),
            accept_errors: LogRateLimiter::new("connections.accept_failed"),
        }
    }
}

impl Connections {
    /// At most `limit` at once, which are measured under the name `port`. Each is closed when no data is transferred for the time of `idle_timeout`, or a twelfth longer; and when the
    /// client has not received a response over HTTP/2 for a sixth to a quarter of it.
    #[must_use]
    pub fn new(port: &'static str, limit: usize, idle_timeout: Duration) -> Self {
        Self {
            table: Table::new(limit, metrics::open(port, limit)),
            limit,
            idle_timeout,
            log: Arc::default(),
        }
    }

    /// Admits a new connection. At the limit, an idle one is closed for it, first one of a network that has many, but never one of a
    /// trusted peer. `None`: all are trusted, and the new one is closed.
    #[must_use]
    pub fn admit(&self, stream: TcpStream, peer: SocketAddr, trusted: bool) -> Option<Connection> {
        let Some(admitted) = self.table.admit(peer, trusted) else {
            Limit::Connections.count_refusal();
            self.log.refused.log(|refused| {
                tracing::warn!(
                    event = "connections.refused",
                    limit = self.limit,
                    refused,
                    "all connections are in use by trusted peers; closing new ones"
                );
            });
            return None;
        };
        let Admitted {
            entry,
            handle,
            has_displaced,
        } = admitted;
        if has_displaced {
            Limit::ReplacedConnections.count_refusal();
            self.log.replaced.log(|replaced| {
                tracing::warn!(
                    event = "connections.replaced",
                    limit = self.limit,
                    replaced,
                    "all connections are in use; closing idle ones for new ones"
                );
            });
        }
        // Responses are small, and Nagle's algorithm would delay them.
        let _ = stream.set_nodelay(true);
        Some(Connection::new(stream, handle, self.idle_timeout, entry))
    }

    /// Waits for the next connection, which is not admitted yet.
    pub async fn accept(&self, listener: &TcpListener) -> (TcpStream, SocketAddr) {
        loop {
            match listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    self.log_accept_error(&error);
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Logs that accepting a connection failed.
    pub fn log_accept_error(&self, error: &io::Error) {
        self.log.accept_errors.log(|times| {
            tracing::error!(
                event = "connections.accept_failed",
                %error,
                times,
                "accepting a connection failed; retrying"
            );
        });
    }
}
