//! An attack: keeps the connections of a shape open until it ends.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use e2e::{frames, site::Site, tls};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    net::TcpStream,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::shape::Shape;

/// Pause before the next bytes of a connection, and before it is opened again.
const ROUND: Duration = Duration::from_millis(500);

/// A running attack. Dropped, it ends.
pub(crate) struct Attack(JoinSet<()>);

impl Attack {
    /// Opens the connections of `shape` to `target`.
    pub(crate) fn start(shape: Shape, target: SocketAddr, site: &Arc<Site>) -> Self {
        let shape = Arc::new(shape);
        let mut connections = JoinSet::new();
        for _ in 0..shape.connections {
            let (shape, site) = (Arc::clone(&shape), Arc::clone(site));
            connections.spawn(async move {
                loop {
                    // The service is expected to close it.
                    let _ = connect(&shape, target, &site).await;
                    sleep(ROUND).await;
                }
            });
        }
        Self(connections)
    }

    /// Closes all connections.
    pub(crate) async fn stop(mut self) {
        self.0.shutdown().await;
    }
}

async fn connect(shape: &Shape, target: SocketAddr, site: &Site) -> io::Result<()> {
    if shape.tls {
        let protocol: &[u8] = if shape.http2 { b"h2" } else { b"http/1.1" };
        let stream = tls::connect_to(site, &target.to_string(), protocol).await?;
        keep_open(shape, stream).await
    } else {
        keep_open(shape, TcpStream::connect(target).await?).await
    }
}

async fn keep_open(shape: &Shape, stream: impl AsyncRead + AsyncWrite) -> io::Result<()> {
    let (mut reader, mut writer) = split(stream);
    // The service may respond before it has read all bytes.
    let mut unsent = shape.opening.clone();
    let mut received = Vec::new();
    let mut chunk = [0; 4096];
    let mut rounds = interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rounds.reset();
    loop {
        tokio::select! {
            read = reader.read(&mut chunk) => match read? {
                0 => return Ok(()),
                length if shape.http2 => {
                    received.extend_from_slice(&chunk[..length]);
                    unsent.extend(frames::replies(&mut received));
                }
                _ => {}
            },
            written = writer.write(&unsent), if !unsent.is_empty() => {
                unsent.drain(..written?);
            }
            _ = rounds.tick() => unsent.extend_from_slice(&shape.each_round),
        }
    }
}
