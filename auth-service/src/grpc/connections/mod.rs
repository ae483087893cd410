//! The connections of the gRPC port: TLS handshakes, streams and peers.

mod peer;
mod port_stream;
mod port_tls;

use std::{io, net::SocketAddr, time::Duration};

use futures_util::{Stream, stream};
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_server_kit::connections::{BoundedListener, Connection};
use tokio::{task::JoinSet, time::timeout};

pub use self::port_tls::PortTls;
pub(super) use self::{peer::Peer, port_stream::PortStream};
use self::{port_stream::Encrypted, port_tls::TlsReceiver};

/// The longest time that a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

static FAILED_HANDSHAKES: LogRateLimiter = LogRateLimiter::new("tls.handshake_failed");

/// The connections of the port as they become ready for calls. Handshakes are concurrent, one for each connection that `listener` accepts,
/// so that a slow one does not delay the others.
pub(super) fn incoming(
    listener: BoundedListener,
    tls: Option<PortTls>,
) -> impl Stream<Item = io::Result<PortStream>> {
    stream::unfold(
        (listener, tls, JoinSet::new()),
        async |(listener, tls, mut handshakes)| {
            let ready = loop {
                tokio::select! {
                    (connection, peer) = listener.next() => match &tls {
                        None => break PortStream::Plain(connection),
                        Some(tls) => drop(handshakes.spawn(handshake(connection, peer, tls.subscribe()))),
                    },
                    Some(finished) = handshakes.join_next() => {
                        if let Ok(Some(encrypted)) = finished {
                            break PortStream::Encrypted(Box::new(encrypted));
                        }
                    }
                }
            };
            Some((Ok(ready), (listener, tls, handshakes)))
        },
    )
}

async fn handshake(
    connection: Connection,
    peer: SocketAddr,
    mut tls: TlsReceiver,
) -> Option<Encrypted> {
    let acceptor = tls.borrow_and_update().acceptor.clone();
    let accepted = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(connection)).await;
    match accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(stream) => Some(Encrypted { stream, tls }),
        Err(error) => {
            FAILED_HANDSHAKES.log(|times| {
                tracing::info!(event = "tls.handshake_failed", %error, %peer, times, "TLS handshake failed");
            });
            None
        }
    }
}
