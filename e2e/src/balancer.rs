//! A TCP load balancer in front of several instances: connections go to them in turn.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

/// How data is forwarded.
#[derive(Clone, Copy, Default)]
struct Disturbance {
    delay: Duration,
    hangs: bool,
}

/// A running balancer.
pub struct Balancer {
    cut: watch::Sender<()>,
    disturbance: watch::Sender<Disturbance>,
    instances: watch::Sender<Vec<SocketAddr>>,
    used: Arc<[AtomicUsize]>,
    accepting: JoinHandle<()>,
}

impl Balancer {
    /// Starts a balancer on this port.
    pub async fn start(port: u16, instances: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let cut = watch::Sender::new(());
        let disturbance = watch::Sender::new(Disturbance::default());
        let used: Arc<[AtomicUsize]> = instances.iter().map(|_| AtomicUsize::new(0)).collect();
        let instances = watch::Sender::new(instances);
        let accepting = tokio::spawn(accept(
            listener,
            instances.subscribe(),
            cut.clone(),
            disturbance.subscribe(),
            used.clone(),
        ));
        Self {
            cut,
            disturbance,
            instances,
            used,
            accepting,
        }
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

async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    disturbance: &watch::Receiver<Disturbance>,
) {
    let mut buffer = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let mut changes = disturbance.clone();
        // The sender lives as long as the balancer.
        let _ = changes.wait_for(|now| !now.hangs).await;
        let delay = disturbance.borrow().delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
