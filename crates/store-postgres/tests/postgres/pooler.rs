//! A connection pooler between the service and the server: `PgBouncer` in session mode.

use std::{
    fs,
    net::Ipv4Addr,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use holdfast_identity::store::Maintenance as _;
use holdfast_store_postgres::{OpenError, PostgresStore};
use tempfile::TempDir;
use tokio::net::TcpSocket;

use crate::{
    locks::Rows,
    subject::{CONNECTIONS, new_database},
};

/// The user that runs `PgBouncer` where this process runs as root, which it refuses.
const USER: &str = "postgres";

const START_DEADLINE: Duration = Duration::from_secs(20);

/// A running `PgBouncer`.
struct Pooler {
    process: Child,
    port: u16,
    /// Bound to the port, so that no outgoing connection takes it first, and not listening, so that `PgBouncer` can bind it.
    _reserved: TcpSocket,
    _directory: TempDir,
}

impl Pooler {
    /// Starts one for the server of a URL.
    fn start(url: &str) -> Self {
        let server = url.rsplit_once('@').unwrap().1;
        let (server, _) = server.split_once('/').unwrap();
        let (host, server_port) = server.split_once(':').unwrap();
        let reserved = reserve_port();
        let port = reserved.local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        let users = path.join("users.txt");
        fs::write(&users, "\"holdfast\" \"\"\n").unwrap();
        let settings = format!(
            "[databases]\n* = host={host} port={server_port}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {}\npool_mode = session\n",
            users.display()
        );
        let file = path.join("pgbouncer.ini");
        fs::write(&file, settings).unwrap();
        let mut command = Command::new("pgbouncer");
        command.arg("--quiet");
        if is_root() {
            command.arg("--user").arg(USER);
        }
        command.arg(&file);
        let process = command.spawn();
        let process = process.unwrap_or_else(|why| {
            panic!("pgbouncer: {why}; run `cargo xtask test --only postgres`")
        });
        Self {
            process,
            port,
            _reserved: reserved,
            _directory: directory,
        }
    }
}

impl Pooler {
    /// Fails if it has ended.
    fn assert_running(&mut self) {
        thread::sleep(Duration::from_millis(20));
        assert_eq!(
            self.process.try_wait().unwrap(),
            None,
            "pgbouncer has ended"
        );
    }
}

fn reserve_port() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    socket
}

fn is_root() -> bool {
    let own = fs::metadata("/proc/self").unwrap();
    own.uid() == 0
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn store_works_through_a_pooler_in_session_mode() {
    let direct = new_database().await;
    let mut pooler = Pooler::start(&direct);
    let (server, name) = direct.rsplit_once('/').unwrap();
    let user = server.rsplit_once('@').unwrap().0;
    let url = format!("{user}@127.0.0.1:{}/{name}", pooler.port);
    let begun = Instant::now();
    let store = loop {
        assert!(begun.elapsed() < START_DEADLINE, "there is no connection");
        match PostgresStore::open(&url, CONNECTIONS).await {
            Ok(store) => break store,
            Err(OpenError::NotAvailable(_)) => pooler.assert_running(),
            Err(error) => panic!("{error:?}"),
        }
    };
    let rows = Rows::insert(&store, 1).await;
    for operation in 0..13 {
        rows.change(&store, operation).await.unwrap();
    }
    store.ping().await.unwrap();
    store.close().await;
    // The next client gets the same connections to the server, without the settings of this one.
    let again = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    Rows::insert(&again, 2).await;
}
