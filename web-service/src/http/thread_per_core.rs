//! A thread for each core, with a runtime of its own: a request is read, answered and forgotten where it arrived, and wakes no
//! other thread (ADR 17).

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
    runtime::Builder,
    sync::{Mutex, mpsc, oneshot},
};

use crate::request::trusted_proxies::TrustedProxies;

/// How many connections may wait for a thread; the others wait with the system.
const WAITING: usize = 64;

/// The threads that serve the connections of a port. They end when this is dropped.
pub(super) struct Workers {
    threads: Vec<Thread>,
    ends: FuturesUnordered<oneshot::Receiver<io::Result<()>>>,
}

struct Thread {
    arrivals: mpsc::Sender<Handed>,
    /// One more than it has connections.
    seats: ConnectionCount,
    handle: Handle<Peer>,
}

/// What a connection keeps of its thread until it ends, so that it counts.
pub(super) type ConnectionCount = Arc<()>;

/// A connection on its way to its thread: of no runtime yet.
type Handed = (TcpStream, SocketAddr, ConnectionCount);

/// A connection that counts, among those of its thread, too.
pub(super) type Arrival = Connection<((), ConnectionCount)>;

/// What a thread listens to: the connections that it is given.
pub(super) struct Arrivals {
    arriving: Mutex<mpsc::Receiver<Handed>>,
    admission: Admission,
}

/// Who connected.
#[derive(Clone)]
pub(super) struct Peer(ConnectionHandle);

/// Takes new connections in, before their TLS handshake costs anything.
#[derive(Clone)]
pub(super) struct Admission {
    pub(super) connections: Connections,
    /// Their connections are not closed for others: each carries the requests of many people.
    pub(super) trusted: Arc<TrustedProxies>,
}

impl Workers {
    /// One for each core that the process may use, each of which runs `serve` for the connections that are admitted.
    pub(super) fn start<S, F>(admission: &Admission, serve: S) -> io::Result<Self>
    where
        S: Fn(Server<Peer>) -> F + Clone + Send + 'static,
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
        S: Fn(Server<Peer>) -> F + Send + 'static,
        F: Future<Output = io::Result<()>>,
    {
        let (arrivals, arriving) = mpsc::channel(WAITING);
        let (ended, end) = oneshot::channel();
        let handle = Handle::new();
        let arriving = Mutex::new(arriving);
        let listener = Arrivals {
            arriving,
            admission,
        };
        let server = Server::from_listener(listener).handle(handle.clone());
        let runtime = Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new()
            .name("connections".to_owned())
            .spawn(move || {
                // Nobody waits for it where all of them were dropped.
                let _ = ended.send(runtime.block_on(serve(server)));
            })?;
        self.threads.push(Thread {
            arrivals,
            seats: ConnectionCount::default(),
            handle,
        });
        self.ends.push(end);
        Ok(())
    }

    /// Gives a connection to the thread that has the fewest.
    pub(super) async fn hand(&self, stream: net::TcpStream, peer: SocketAddr) {
        let idlest = self
            .threads
            .iter()
            .min_by_key(|thread| thread.connections());
        if let (Some(thread), Ok(stream)) = (idlest, stream.into_std()) {
            // That a thread ended is noticed by whoever waits for that.
            let _ = thread
                .arrivals
                .send((stream, peer, thread.seats.clone()))
                .await;
        }
    }

    /// Waits for a thread that ends by itself, as none should.
    pub(super) async fn fail(&mut self) -> io::Error {
        match self.ends.next().await {
            Some(Ok(Err(error))) => error,
            Some(_) => io::Error::other("a thread that serves connections ended"),
            None => pending().await,
        }
    }

    /// Lets requests in flight finish, for as long as that.
    pub(super) async fn finish(mut self, within: Duration) {
        for thread in &self.threads {
            thread.handle.graceful_shutdown(Some(within));
        }
        while self.ends.next().await.is_some() {}
    }
}

impl Thread {
    /// How many it has, with those that wait for it.
    fn connections(&self) -> usize {
        Arc::strong_count(&self.seats) - 1
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

impl Address for Peer {
    type Stream = Arrival;
    type Listener = Arrivals;
}

impl AddrListener<Arrival, Peer> for Arrivals {
    async fn bind_to(_: Peer) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn accept_stream(&self) -> io::Result<(Arrival, Peer)> {
        loop {
            let Some((stream, peer, seat)) = self.arriving.lock().await.recv().await else {
                // The thread is about to end.
                return pending().await;
            };
            let stream = net::TcpStream::from_std(stream)?;
            let Admission {
                connections,
                trusted,
            } = &self.admission;
            if let Some(connection) = connections.admit(stream, peer, trusted.contains(peer.ip())) {
                let peer = Peer(connection.handle().clone());
                return Ok((connection.keeping(seat), peer));
            }
        }
    }

    fn get_local_addr(&self) -> io::Result<Peer> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Connected<Peer> for ConnectionHandle {
    fn connect_info(Peer(connection): Peer) -> Self {
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
            connections: Connections::new(64, Duration::from_mins(1)),
            trusted: Arc::default(),
        }
    }

    /// Threads that serve nothing, a listener, and who connected.
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
            self.threads.hand(stream, peer).await;
            self.settle().await;
        }

        /// Waits until the threads know of every client, and of no other.
        async fn settle(&self) {
            while self.counts().iter().sum::<usize>() != self.clients.len() {
                yield_now().await;
            }
        }

        fn counts(&self) -> Vec<usize> {
            let threads = self.threads.threads.iter();
            threads.map(Thread::connections).collect()
        }
    }

    #[tokio::test]
    async fn a_connection_goes_to_the_thread_that_has_the_fewest() {
        let mut port = Port::open().await;
        let threads = port.counts().len();
        for _ in 0..3 * threads {
            port.connect().await;
        }
        assert_eq!(port.counts(), vec![3; threads]);

        let all_of_one = [2 * threads, threads, 0];
        for index in all_of_one {
            port.clients.remove(index);
        }
        port.settle().await;
        assert!(port.counts().contains(&0));
        for _ in all_of_one {
            port.connect().await;
        }
        assert_eq!(port.counts(), vec![3; threads]);
    }

    #[tokio::test]
    async fn without_their_owner_they_and_their_connections_end() {
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
    async fn one_that_ends_by_itself_is_noticed() {
        let mut threads =
            Workers::start(&admission(), |_| async { Err(io::Error::other("broken")) }).unwrap();
        assert_eq!(threads.fail().await.to_string(), "broken");

        let mut threads = Workers::start(&admission(), |_| async { panic!("on purpose") }).unwrap();
        assert!(threads.fail().await.to_string().contains("ended"));
    }
}
