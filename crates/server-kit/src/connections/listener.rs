//! A listener with a limit of connections.

use std::{io, net::SocketAddr};

use axum::serve::Listener;
use tokio::net::TcpListener;

use crate::connections::{Connection, Connections};

/// A listener that admits its connections to [`Connections`].
#[derive(Debug)]
pub struct BoundedListener {
    listener: TcpListener,
    connections: Connections,
}

impl BoundedListener {
    /// Admits what `listener` accepts.
    #[must_use]
    pub const fn new(listener: TcpListener, connections: Connections) -> Self {
        Self {
            listener,
            connections,
        }
    }

    /// The local address.
    ///
    /// # Errors
    /// When the system cannot determine it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Waits for the next connection that is admitted.
    pub async fn next(&self) -> (Connection, SocketAddr) {
        loop {
            let (stream, address) = self.connections.accept(&self.listener).await;
            if let Some(connection) = self.connections.admit(stream, address, false) {
                return (connection, address);
            }
        }
    }
}

impl Listener for BoundedListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        self.next().await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.address()
    }
}
