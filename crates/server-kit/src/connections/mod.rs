//! A port's connections: only so many, none that is silent for long, and a new one always gets in where another does nothing.

mod answers;
mod connection;
mod handle;
mod listener;
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
    answers::{AnswerBody, Answers},
    connection::Connection,
    handle::ConnectionHandle,
    listener::BoundedListener,
};

/// How long to wait when the system gives no connection, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many connections may wait to be accepted, where `net.core.somaxconn` allows as many. Where the queue is full, Linux drops
/// the first packet of a new connection, whose client sends it again after a second.
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

/// The connections of a port. Clones count together.
#[derive(Clone, Debug)]
pub struct Connections {
    table: Table,
    limit: usize,
    silence: Duration,
    log: Arc<Log>,
}

#[derive(Debug, Default)]
struct Log {
    refused: LogRateLimiter,
    replaced: LogRateLimiter,
    faults: LogRateLimiter,
}

impl Connections {
    /// At most `limit` at once, each closed when nothing arrives on it, or is taken from it, for the time of `silence`, or a twelfth
    /// longer; and when the client left an answer over HTTP/2 untaken for a sixth to a quarter of it.
    #[must_use]
    pub fn new(limit: usize, silence: Duration) -> Self {
        Self {
            table: Table::new(limit),
            limit,
            silence,
            log: Arc::default(),
        }
    }

    /// Takes a new connection in; one from a `trusted` peer is never closed for another. Where there are enough, one that does
    /// nothing is closed for it: first one of a network that has many. `None` when all of them are trusted: it is closed at
    /// once, before it costs anything.
    #[must_use]
    pub fn admit(&self, stream: TcpStream, peer: SocketAddr, trusted: bool) -> Option<Connection> {
        let Some(admitted) = self.table.admit(peer, trusted) else {
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
            membership,
            handle,
            has_replaced,
        } = admitted;
        if has_replaced {
            self.log.replaced.log(|replaced| {
                tracing::warn!(
                    event = "connections.replaced",
                    limit = self.limit,
                    replaced,
                    "all connections are in use; closing idle ones for new ones"
                );
            });
        }
        // Answers are small; without it they could wait for a packet that never comes.
        let _ = stream.set_nodelay(true);
        Some(Connection::new(stream, handle, self.silence, membership))
    }

    /// The next connection that the system gives, which is not taken in yet.
    pub async fn accept(&self, listener: &TcpListener) -> (TcpStream, SocketAddr) {
        loop {
            match listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    self.cannot_accept(&error);
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Logs that the system gave no connection.
    pub fn cannot_accept(&self, error: &io::Error) {
        self.log.faults.log(|times| {
            tracing::error!(%error, times, "accepting a connection failed; retrying");
        });
    }
}
