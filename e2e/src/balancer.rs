//! One address in front of several instances: each connection goes to the next of them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A running balancer.
pub struct Balancer {
    cut: watch::Sender<()>,
    used: Arc<[AtomicUsize]>,
    accepting: JoinHandle<()>,
}

impl Balancer {
    /// Starts one on this port.
    pub async fn start(port: u16, instances: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let cut = watch::Sender::new(());
        let used: Arc<[AtomicUsize]> = instances.iter().map(|_| AtomicUsize::new(0)).collect();
        let accepting = tokio::spawn(accept(listener, instances, cut.clone(), used.clone()));
        Self {
            cut,
            used,
            accepting,
        }
    }

    /// Cuts every connection, so that the next requests go to other instances.
    pub fn cut(&self) {
        self.cut.send_replace(());
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
    used: Arc<[AtomicUsize]>,
) {
    for (instance, count) in instances.iter().zip(used.iter()).cycle() {
        let Ok((mut client, _)) = listener.accept().await else {
            return;
        };
        count.fetch_add(1, Ordering::Relaxed);
        let (instance, mut cut) = (*instance, cut.subscribe());
        tokio::spawn(async move {
            let Ok(mut server) = TcpStream::connect(instance).await else {
                return;
            };
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => {}
                _ = cut.changed() => {}
            }
        });
    }
}
