//! One address in front of several instances: each connection goes to the next of them.

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

/// A running balancer.
pub struct Balancer {
    cut: watch::Sender<()>,
    delay: watch::Sender<Duration>,
    used: Arc<[AtomicUsize]>,
    accepting: JoinHandle<()>,
}

impl Balancer {
    /// Starts one on this port.
    pub async fn start(port: u16, instances: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let cut = watch::Sender::new(());
        let delay = watch::Sender::new(Duration::ZERO);
        let used: Arc<[AtomicUsize]> = instances.iter().map(|_| AtomicUsize::new(0)).collect();
        let accepting = tokio::spawn(accept(
            listener,
            instances,
            cut.clone(),
            delay.subscribe(),
            used.clone(),
        ));
        Self {
            cut,
            delay,
            used,
            accepting,
        }
    }

    /// Cuts every connection, so that the next requests go to other instances.
    pub fn cut(&self) {
        self.cut.send_replace(());
    }

    /// Holds back all that is sent, in both directions, for so long.
    pub fn delay(&self, by: Duration) {
        self.delay.send_replace(by);
    }

    /// How many connections each instance had.
    #[must_use]
    pub fn used(&self) -> Vec<usize> {
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
    instances: Vec<SocketAddr>,
    cut: watch::Sender<()>,
    delay: watch::Receiver<Duration>,
    used: Arc<[AtomicUsize]>,
) {
    for (instance, count) in instances.iter().zip(used.iter()).cycle() {
        let Ok((mut client, _)) = listener.accept().await else {
            return;
        };
        count.fetch_add(1, Ordering::Relaxed);
        let (instance, mut cut, delay) = (*instance, cut.subscribe(), delay.clone());
        tokio::spawn(async move {
            let Ok(mut server) = TcpStream::connect(instance).await else {
                return;
            };
            let (client_says, client_hears) = client.split();
            let (server_says, server_hears) = server.split();
            tokio::select! {
                () = forward(client_says, server_hears, &delay) => {}
                () = forward(server_says, client_hears, &delay) => {}
                _ = cut.changed() => {}
            }
        });
    }
}

async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay: &watch::Receiver<Duration>,
) {
    let mut said = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut said).await {
        let by = *delay.borrow();
        if !by.is_zero() {
            sleep(by).await;
        }
        if to.write_all(&said[..length]).await.is_err() {
            return;
        }
    }
}
