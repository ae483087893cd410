//! A TCP relay: a load balancer in front of several instances, whose connections go to them in turn, or the network between two parts. It can
//! fail as a network does.
//!
//! Delays are made here and not by `tc netem`, whose kernel module many machines lack: what arrives is forwarded later, and what arrives
//! meanwhile is not delayed by what is on its way. Lost packets are data that are not forwarded: a peer receives neither data nor an error.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::port;

/// Pieces of data that are on their way in one direction of a connection.
const IN_FLIGHT: usize = 64;

/// How data is forwarded.
#[derive(Clone, Copy, Default)]
struct Disturbance {
    delay: Duration,
    hangs: bool,
}

/// A running balancer.
pub struct Balancer {
    port: u16,
    cut: watch::Sender<()>,
    disturbance: watch::Sender<Disturbance>,
    instances: watch::Sender<Vec<SocketAddr>>,
    used: Arc<[AtomicUsize]>,
    accepting: JoinHandle<()>,
}

impl Balancer {
    /// Starts a balancer on this port.
    pub async fn start(port: u16, instances: Vec<SocketAddr>) -> Self {
        let used: Arc<[AtomicUsize]> = instances.iter().map(|_| AtomicUsize::new(0)).collect();
        let mut balancer = Self {
            port,
            cut: watch::Sender::new(()),
            disturbance: watch::Sender::new(Disturbance::default()),
            instances: watch::Sender::new(instances),
            used,
            accepting: tokio::spawn(async {}),
        };
        balancer.start_again().await;
        balancer
    }

    /// Starts one on a free port that leads to a single server on this machine.
    pub async fn link_to(port: u16) -> Self {
        let server = (Ipv4Addr::LOCALHOST, port).into();
        Self::start(port::free(), vec![server]).await
    }

    /// The TCP port on the loopback interface.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Closes every connection and refuses further ones, as a balancer whose process was killed.
    pub async fn kill(&mut self) {
        self.accepting.abort();
        // The port is closed when the task has ended.
        let _ = (&mut self.accepting).await;
        self.cut();
    }

    /// Starts a killed balancer again, on its port.
    pub async fn start_again(&mut self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await;
        self.accepting = tokio::spawn(accept(
            listener.unwrap(),
            self.instances.subscribe(),
            self.cut.clone(),
            self.disturbance.subscribe(),
            self.used.clone(),
        ));
    }

    /// Sends further connections to other instances, as many as before, and closes those that are open.
    pub fn redirect(&self, instances: Vec<SocketAddr>) {
        self.instances.send_replace(instances);
        self.cut();
    }

    /// Closes every connection, so that the next requests go to other instances.
    pub fn cut(&self) {
        self.cut.send_replace(());
    }

    /// Delays all data, in both directions, by this time.
    pub fn delay(&self, by: Duration) {
        self.disturbance.send_modify(|now| now.delay = by);
    }

    /// Stops forwarding, while connections stay open and new ones are accepted, or resumes it.
    pub fn hang(&self, hangs: bool) {
        self.disturbance.send_modify(|now| now.hangs = hangs);
    }

    /// The number of connections that each instance has received.
    #[must_use]
    pub fn connection_counts(&self) -> Vec<usize> {
        let used = self.used.iter();
        used.map(|count| count.load(Ordering::Relaxed)).collect()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    instances: watch::Receiver<Vec<SocketAddr>>,
    cut: watch::Sender<()>,
    disturbance: watch::Receiver<Disturbance>,
    used: Arc<[AtomicUsize]>,
) {
    for (place, count) in used.iter().enumerate().cycle() {
        let Ok((mut client, _)) = listener.accept().await else {
            return;
        };
        count.fetch_add(1, Ordering::Relaxed);
        let Some(instance) = instances.borrow().get(place).copied() else {
            continue;
        };
        let (mut cut, disturbance) = (cut.subscribe(), disturbance.clone());
        tokio::spawn(async move {
            let Ok(mut server) = TcpStream::connect(instance).await else {
                return;
            };
            // They carry small messages, each of which is awaited.
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let (client_read, client_write) = client.split();
            let (server_read, server_write) = server.split();
            tokio::select! {
                () = forward(client_read, server_write, &disturbance) => {}
                () = forward(server_read, client_write, &disturbance) => {}
                _ = cut.changed() => {}
            }
        });
    }
}

/// Forwards what arrives in its order, each piece after the delay that was set when it arrived.
async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    disturbance: &watch::Receiver<Disturbance>,
) {
    let (arrived, mut departing) = mpsc::channel::<(Instant, Vec<u8>)>(IN_FLIGHT);
    let receive = async move {
        let mut buffer = [0; 16_384];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let due = Instant::now() + disturbance.borrow().delay;
            let piece = buffer[..length].to_vec();
            if arrived.send((due, piece)).await.is_err() {
                return;
            }
        }
    };
    let send = async move {
        let mut changes = disturbance.clone();
        while let Some((due, piece)) = departing.recv().await {
            // A timer takes a millisecond also for what is due.
            if due > Instant::now() {
                sleep_until(due).await;
            }
            // The sender lives as long as the balancer.
            let _ = changes.wait_for(|now| !now.hangs).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(receive, send);
}
