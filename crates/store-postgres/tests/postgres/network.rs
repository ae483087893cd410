//! A network that loses packets: connections on which neither an answer nor an error arrives.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use holdfast_identity::{
    account::Account,
    store::{AccountStore as _, Maintenance as _, StoreError},
};
use holdfast_store_postgres::PostgresStore;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    fixture::{account, wait_for_lock},
    subject::new_database,
};

/// Time in which an operation has to fail, and the next one has to succeed: less than the 15 s of a failover.
const RECOVERED_IN: Duration = Duration::from_secs(10);

/// Time that opening a connection can take: more than an operation waits for one.
const SLOW: Duration = Duration::from_millis(1500);

/// Callers that give up, and the time between two of them: for less time than it takes until a connection is there.
const CALLERS: u32 = 100;
const CALLER_INTERVAL: Duration = Duration::from_millis(15);
/// Connections of the store that they call.
const SLOTS: u32 = 4;

/// A proxy whose connections can lose all packets from a moment on; those that are opened later work.
struct Network {
    lost: watch::Sender<u32>,
    /// Whether new connections are slow to be opened.
    is_slow: Arc<AtomicBool>,
    opened: Arc<AtomicUsize>,
    port: u16,
}

impl Network {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let lost = watch::Sender::new(0);
        let losses = lost.clone();
        let is_slow = Arc::new(AtomicBool::new(false));
        let opened = Arc::new(AtomicUsize::new(0));
        let (delays, opens) = (is_slow.clone(), opened.clone());
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                opens.fetch_add(1, Ordering::Relaxed);
                let delay = delays.load(Ordering::Relaxed).then_some(SLOW);
                let mut server = TcpStream::connect(&server).await.unwrap();
                let mut losses = losses.subscribe();
                tokio::spawn(async move {
                    sleep(delay.unwrap_or_default()).await;
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => (),
                        // Both sockets stay open, and nobody reads them.
                        _ = losses.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self {
            lost,
            is_slow,
            opened,
            port,
        }
    }

    fn lose_connections(&self) {
        self.lost.send_modify(|losses| *losses += 1);
    }
}

/// The URL of a database through a proxy, and the proxy.
async fn through_network(url: &str) -> (String, Network) {
    let (before, after) = url.rsplit_once('@').unwrap();
    let (server, name) = after.split_once('/').unwrap();
    let network = Network::to(server.to_owned()).await;
    let port = network.port;
    (format!("{before}@127.0.0.1:{port}/{name}"), network)
}

/// The only connection waits for an answer when the network fails: the operation fails, and the next one has a connection.
#[tokio::test(flavor = "multi_thread")]
async fn lost_connection_is_replaced_while_an_operation_waits_for_it() {
    let direct = new_database().await;
    let (url, network) = through_network(&direct).await;
    let store = PostgresStore::open(&url, 1).await.unwrap();
    let ada = account(&store, "ada").await;
    let mut other = PgConnection::connect(&direct).await.unwrap();
    other
        .execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let waiting = {
        let store = store.clone();
        tokio::spawn(async move { store.enable_user(ada.user.id, &[]).await.map(drop) })
    };
    wait_for_lock(&direct).await;
    let begun = Instant::now();
    network.lose_connections();
    let failed = waiting.await.unwrap();
    assert!(
        matches!(failed, Err(StoreError::Unavailable(_))),
        "{failed:?}"
    );
    other.execute("COMMIT").await.unwrap();
    while store.ping().await.is_err() {
        assert!(begun.elapsed() < RECOVERED_IN, "there is no connection yet");
    }
    assert!(begun.elapsed() < RECOVERED_IN);
}

/// Connections that nobody uses are lost: they are found before the next operation has them.
#[tokio::test(flavor = "multi_thread")]
async fn lost_connection_is_replaced_while_nobody_waits_for_it() {
    let (url, network) = through_network(&new_database().await).await;
    let store = PostgresStore::open(&url, 2).await.unwrap();
    let (one, other) = tokio::join!(store.ping(), store.ping());
    one.unwrap();
    other.unwrap();
    let begun = Instant::now();
    network.lose_connections();
    while store.ping().await.is_err() {
        assert!(begun.elapsed() < RECOVERED_IN, "there is no connection yet");
    }
}

/// Operations that give up do not interrupt the connection that is being opened: it is there for a later one. Otherwise there would never be
/// one.
#[tokio::test(flavor = "multi_thread")]
async fn connection_that_is_slow_to_open_is_there_for_a_later_operation() {
    let (url, network) = through_network(&new_database().await).await;
    let store = PostgresStore::open(&url, 1).await.unwrap();
    store.ping().await.unwrap();
    network.is_slow.store(true, Ordering::Relaxed);
    let before = network.opened.load(Ordering::Relaxed);
    let begun = Instant::now();
    network.lose_connections();
    while store.ping().await.is_err() {
        assert!(begun.elapsed() < SLOW * 20, "there is no connection yet");
    }
    // One, and on a busy machine some that were late.
    let opened = network.opened.load(Ordering::Relaxed) - before;
    assert!(opened < 10, "{opened}");
}

/// Waits until operations use all connections at once.
async fn all_connections_are_used(direct: &str, store: &PostgresStore, ada: &Account) {
    let mut other = PgConnection::connect(direct).await.unwrap();
    other
        .execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let begun = Instant::now();
    let mut operations = JoinSet::new();
    for _ in 0..SLOTS {
        let (store, id) = (store.clone(), ada.user.id);
        operations.spawn(async move {
            // It fails when it has waited for the lock, or for a connection, too long.
            while store.enable_user(id, &[]).await.is_err() {}
        });
    }
    let mut observer = PgConnection::connect(direct).await.unwrap();
    let waiting = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND \
         database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while sqlx::query_scalar::<_, i64>(waiting)
        .fetch_one(&mut observer)
        .await
        .unwrap()
        < SLOTS.into()
    {
        assert!(begun.elapsed() < RECOVERED_IN, "connections are missing");
    }
    other.execute("COMMIT").await.unwrap();
    operations.join_all().await;
}

/// Callers give up while a connection is checked, while one is opened, and while they wait for their turn: none of them takes a connection along.
#[tokio::test(flavor = "multi_thread")]
async fn abandoned_acquisitions_leave_all_connections() {
    let direct = new_database().await;
    let (url, network) = through_network(&direct).await;
    let store = PostgresStore::open(&url, SLOTS).await.unwrap();
    let ada = account(&store, "ada").await;
    all_connections_are_used(&direct, &store, &ada).await;
    network.is_slow.store(true, Ordering::Relaxed);
    network.lose_connections();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        let patience = CALLER_INTERVAL * (caller % 20);
        callers.spawn(async move { timeout(patience, store.ping()).await.is_err() });
        sleep(CALLER_INTERVAL).await;
    }
    let abandoned = callers.join_all().await.into_iter();
    let abandoned = abandoned.filter(|is_abandoned| *is_abandoned).count();
    // On a busy machine some were so late that there was a connection.
    assert!(abandoned * 2 > CALLERS as usize, "{abandoned}");
    network.is_slow.store(false, Ordering::Relaxed);
    all_connections_are_used(&direct, &store, &ada).await;
}
