//! A thread for each core, each with its own runtime: a connection is served by one thread, so that a request wakes no other thread
//! (ADR 17).

use std::{
    future::pending,
    io,
    net::{SocketAddr, TcpStream},
    num::NonZero,
    sync::Arc,
    thread,
    time::Duration,
};

use axum::extract::connect_info::Connected;
use axum_server::{AddrListener, Address, Handle, Server};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use holdfast_server_kit::connections::{Connection, ConnectionHandle, Connections};
use tokio::{
    net,
    runtime::{self, Builder},
    sync::{Mutex, mpsc, oneshot},
    time::{sleep, timeout},
};

use crate::request::trusted_proxies::TrustedProxies;

/// Number of connections that may wait for one thread; further ones wait in the backlog of the listener.
const QUEUE_LENGTH: usize = 64;

/// Interval at which the connections are counted while they end.
const SETTLE_INTERVAL: Duration = Duration::from_millis(10);

/// The threads that serve the connections of a port. Dropping this ends them and their connections.
pub(super) struct Workers {
    threads: Vec<Worker>,
    ends: FuturesUnordered<oneshot::Receiver<io::Result<()>>>,
}

struct Worker {
    queue: mpsc::Sender<Dispatched>,
    /// The reference count is one more than the number of connections.
    count: ConnectionCount,
    handle: Handle<PeerConnection>,
    runtime: runtime::Handle,
}

/// A reference that each connection of a worker holds until it ends.
pub(super) type ConnectionCount = Arc<()>;

/// A connection on its way to its worker, registered with no runtime yet.
type Dispatched = (TcpStream, SocketAddr, ConnectionCount);

/// A connection within the connection limit that counts among those of its worker.
pub(super) type AdmittedConnection = Connection<((), ConnectionCount)>;

/// The listener of a worker: the connections that are dispatched to it.
pub(super) struct DispatchedConnections {
    queue: Mutex<mpsc::Receiver<Dispatched>>,
    admission: Admission,
}

/// The peer of a connection, in place of its address.
#[derive(Clone)]
pub(super) struct PeerConnection(ConnectionHandle);

/// The connection limit, applied before the TLS handshake.
#[derive(Clone)]
pub(super) struct Admission {
    pub(super) connections: Connections,
    /// Connections of these peers are not closed in favour of new ones: each carries the requests of many clients.
    pub(super) trusted: Arc<TrustedProxies>,
}

impl Workers {
    /// Starts a thread for each core that the process may use. Each runs `serve` with the connections that are dispatched to it.
    pub(super) fn start<S, F>(admission: &Admission, serve: S) -> io::Result<Self>
    where
        S: Fn(Server<PeerConnection>) -> F + Clone + Send + 'static,
        F: Future<Output = io::Result<()>>,
    {
        let mut started = Self {
            threads: Vec::new(),
            ends: FuturesUnordered::new(),
        };
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            started.add(admission.clone(), serve.clone())?;
        }
        Ok(started)
    }

    fn add<S, F>(&mut self, admission: Admission, serve: S) -> io::Result<()>
    where
        S: Fn(Server<PeerConnection>) -> F + Send + 'static,
        F: Future<Output = io::Result<()>>,
    {
        let (queue, receiver) = mpsc::channel(QUEUE_LENGTH);
        let (ended, end) = oneshot::channel();
        let handle = Handle::new();
        let listener = DispatchedConnections {
            queue: Mutex::new(receiver),
            admission,
        };
        let server = Server::from_listener(listener).handle(handle.clone());
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let runtime_handle = runtime.handle().clone();
        thread::Builder::new()
            .name("connections".to_owned())
            .spawn(move || {
                // The receiver is gone where the workers were dropped.
                let _ = ended.send(runtime.block_on(serve(server)));
            })?;
        self.threads.push(Worker {
            queue,
            count: ConnectionCount::default(),
            handle,
            runtime: runtime_handle,
        });
        self.ends.push(end);
        Ok(())
    }

    /// The runtimes of the threads.
    pub(super) fn runtimes(&self) -> Vec<runtime::Handle> {
        let threads = self.threads.iter();
        threads.map(|worker| worker.runtime.clone()).collect()
    }

    /// Dispatches a connection to the thread that has the fewest.
    pub(super) async fn dispatch(&self, stream: net::TcpStream, peer: SocketAddr) {
        let least_loaded = self
            .threads
            .iter()
            .min_by_key(|worker| worker.connections());
        if let (Some(worker), Ok(stream)) = (least_loaded, stream.into_std()) {
            // A thread that ended is reported by `fail`.
            let dispatched = (stream, peer, worker.count.clone());
            let _ = worker.queue.send(dispatched).await;
        }
    }

    /// Waits for a thread that ends by itself, and returns its error.
    pub(super) async fn fail(&mut self) -> io::Error {
        match self.ends.next().await {
            Some(Ok(Err(error))) => error,
            Some(_) => io::Error::other("a thread that serves connections ended"),
            None => pending().await,
        }
    }

    /// Waits until all connections have ended, for at most `within`.
    pub(super) async fn settle(&self, within: Duration) {
        let ended = async {
            while self.threads.iter().any(|worker| worker.connections() > 0) {
                sleep(SETTLE_INTERVAL).await;
            }
        };
        let _ = timeout(within, ended).await;
    }

    /// Stops accepting and lets requests in flight finish, for at most `within`.
    pub(super) async fn finish(mut self, within: Duration) {
        for worker in &self.threads {
            worker.handle.graceful_shutdown(Some(within));
        }
        while self.ends.next().await.is_some() {}
    }
}

impl Worker {
    /// Number of its connections, those in its queue included.
    fn connections(&self) -> usize {
        Arc::strong_count(&self.count) - 1
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

impl Address for PeerConnection {
    type Stream = AdmittedConnection;
    type Listener = DispatchedConnections;
}

impl AddrListener<AdmittedConnection, PeerConnection> for DispatchedConnections {
    async fn bind_to(_: PeerConnection) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn accept_stream(&self) -> io::Result<(AdmittedConnection, PeerConnection)> {
        loop {
            let Some((stream, peer, count)) = self.queue.lock().await.recv().await else {
                // The workers were dropped: this thread is about to end.
                return pending().await;
            };
            let stream = net::TcpStream::from_std(stream)?;
            let Admission {
                connections,
                trusted,
            } = &self.admission;
            if let Some(connection) = connections.admit(stream, peer, trusted.contains(peer.ip())) {
                let peer = PeerConnection(connection.handle().clone());
                return Ok((connection.attach(count), peer));
            }
        }
    }

    fn get_local_addr(&self) -> io::Result<PeerConnection> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Connected<PeerConnection> for ConnectionHandle {
    fn connect_info(PeerConnection(connection): PeerConnection) -> Self {
        connection
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use tokio::{
        io::AsyncReadExt as _,
        net::{TcpListener, TcpStream},
        task::yield_now,
    };

    use super::*;

    fn admission() -> Admission {
        Admission {
            connections: Connections::new("test", 64, Duration::from_mins(1)),
            trusted: Arc::default(),
        }
    }

    /// Workers that serve nothing, a listener, and the clients that connected.
    struct Port {
        threads: Workers,
        listener: TcpListener,
        clients: Vec<TcpStream>,
    }

    impl Port {
        async fn open() -> Self {
            let threads = Workers::start(&admission(), move |server| {
                server
                    .serve(Router::new().into_make_service_with_connect_info::<ConnectionHandle>())
            });
            Self {
                threads: threads.unwrap(),
                listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
                clients: Vec::new(),
            }
        }

        async fn connect(&mut self) {
            let address = self.listener.local_addr().unwrap();
            self.clients
                .push(TcpStream::connect(address).await.unwrap());
            let (stream, peer) = self.listener.accept().await.unwrap();
            self.threads.dispatch(stream, peer).await;
            self.settle().await;
        }

        /// Waits until every client is counted, and no other connection.
        async fn settle(&self) {
            while self.counts().iter().sum::<usize>() != self.clients.len() {
                yield_now().await;
            }
        }

        fn counts(&self) -> Vec<usize> {
            let threads = self.threads.threads.iter();
            threads.map(Worker::connections).collect()
        }
    }

    #[tokio::test]
    async fn connection_goes_to_the_thread_with_the_fewest() {
        let mut port = Port::open().await;
        let threads = port.counts().len();
        for _ in 0..3 * threads {
            port.connect().await;
        }
        assert_eq!(port.counts(), vec![3; threads]);

        let all_of_one_thread = [2 * threads, threads, 0];
        for index in all_of_one_thread {
            port.clients.remove(index);
        }
        port.settle().await;
        assert!(port.counts().contains(&0));
        for _ in all_of_one_thread {
            port.connect().await;
        }
        assert_eq!(port.counts(), vec![3; threads]);
    }

    #[tokio::test]
    async fn dropped_workers_end_with_their_connections() {
        let mut port = Port::open().await;
        port.connect().await;
        let Port {
            threads,
            mut clients,
            ..
        } = port;
        drop(threads);
        let read = clients.remove(0).read_u8().await;
        assert!(read.is_err(), "{read:?}");
    }

    #[tokio::test]
    async fn thread_that_ends_by_itself_is_reported() {
        let mut threads =
            Workers::start(&admission(), |_| async { Err(io::Error::other("broken")) }).unwrap();
        assert_eq!(threads.fail().await.to_string(), "broken");

        let mut threads = Workers::start(&admission(), |_| async { panic!("on purpose") }).unwrap();
        assert!(threads.fail().await.to_string().contains("ended"));
    }
}
