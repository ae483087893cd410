//! Several Redis servers of one test: a master with a replica and Sentinels, or a Cluster.

use std::{fmt::Write as _, path::PathBuf};

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    port,
    program::Program,
    redis::{Redis, cli},
    wait::until,
};

/// The name of the master that the Sentinels watch.
const MASTER: &str = "sessions";
/// The number of Sentinels, and how many of them have to agree that a server is down.
const SENTINELS: usize = 3;
const QUORUM: usize = 2;
/// Milliseconds after which a server that does not respond is down.
const DOWN_AFTER: &str = "1000";
/// Half of the milliseconds after which Sentinels vote again, if no one of them got the majority.
const FAILOVER_TIMEOUT: &str = "2000";

/// Settings of a master that does not wait for further replicas before it synchronizes one.
const SYNC_AT_ONCE: [&str; 2] = ["--repl-diskless-sync-delay", "0"];

/// The number of nodes of a Cluster: a replica for each of three masters.
const NODES: usize = 6;

/// A master, its replicas, and three Sentinels that fail over after a second.
pub struct Sentinels {
    /// The servers. The first is the master at the start.
    pub servers: Vec<Redis>,
    programs: Vec<(Program, u16)>,
    directory: TempDir,
}

impl Sentinels {
    /// Starts a master with one replica, and waits until each Sentinel knows the others and the replica.
    pub async fn start() -> Self {
        Self::start_with(1, &[]).await
    }

    /// The same, with several replicas and with further settings of all servers.
    pub async fn start_with(replicas: usize, settings: &[&str]) -> Self {
        let settings = [&SYNC_AT_ONCE, settings].concat();
        let master = Redis::start_with(&settings).await;
        let of_master = master.announced_port().to_string();
        let replica = ["--replicaof", "127.0.0.1", &of_master];
        let replica = [&replica, &settings[..]].concat();
        let mut servers = vec![master];
        for _ in 0..replicas {
            servers.push(Redis::start_with(&replica).await);
        }
        Self::watch(servers).await
    }

    /// Starts a master with one replica, each behind a [link](Redis::link).
    pub async fn start_behind_links() -> Self {
        let master = Redis::start_behind_link(&SYNC_AT_ONCE).await;
        let of_master = master.announced_port().to_string();
        let replica = ["--replicaof", "127.0.0.1", &of_master];
        let replica = Redis::start_behind_link(&[&replica, &SYNC_AT_ONCE[..]].concat()).await;
        Self::watch(vec![master, replica]).await
    }

    /// Starts Sentinels for servers, of which the first is the master.
    async fn watch(servers: Vec<Redis>) -> Self {
        for server in &servers {
            server.is_in_sync().await;
        }
        let directory = tempfile::tempdir().unwrap();
        let start = |number| {
            let port = port::free();
            configure_sentinel(&directory, number, port, servers[0].announced_port());
            (serve_sentinel(&directory, number), port)
        };
        let group = Self {
            programs: (0..SENTINELS).map(start).collect(),
            servers,
            directory,
        };
        for (_, port) in &group.programs {
            until("the Sentinels to know each other", async || {
                let fields = ["num-slaves", "num-other-sentinels"];
                let master = cli(*port, &["SENTINEL", "MASTER", MASTER]).await?;
                let value = |name| master.lines().skip_while(move |line| *line != name).nth(1);
                let replicas = (group.servers.len() - 1).to_string();
                (fields.map(value) == [Some(replicas.as_str()), Some("2")]).then_some(())
            })
            .await;
        }
        group
    }

    /// The URL for `WEB_SESSION_STORE`, with this database.
    #[must_use]
    pub fn url(&self, database: u8) -> String {
        let ports = self.programs.iter().map(|(_, port)| *port);
        format!("redis+sentinel://{}/{MASTER}/{database}", addresses(ports))
    }

    /// Suspends the first Sentinel of the URL, or resumes it.
    pub fn hang_first_sentinel(&self, hangs: bool) {
        self.programs[0].0.hang(hangs);
    }

    /// Kills the first Sentinel of the URL with SIGKILL.
    pub async fn kill_first_sentinel(&mut self) {
        let (first, _) = &mut self.programs[0];
        first.signal(Signal::KILL);
        first.exit().await;
    }

    /// Starts the first Sentinel of the URL again, with what it knew.
    pub fn start_first_sentinel(&mut self) {
        self.programs[0].0 = serve_sentinel(&self.directory, 0);
    }

    /// The index of the server that the Sentinels name as the master.
    pub async fn master(&self) -> usize {
        let command = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER];
        until("the name of the master", async || {
            let (_, port) = self.programs.last()?;
            let named = cli(*port, &command).await?;
            let port: u16 = named.lines().last()?.parse().ok()?;
            let mut servers = self.servers.iter();
            servers.position(|server| server.announced_port() == port)
        })
        .await
    }

    /// Makes a former master a replica, which the Sentinels do when it has answered for eight seconds.
    pub async fn demote(&self, server: usize) {
        let master = self.servers[self.master().await].announced_port();
        let command = ["REPLICAOF", "127.0.0.1", &master.to_string()];
        self.servers[server].cli(&command).await;
        self.replicates().await;
    }

    /// Waits until one of the servers is the master, and the others are its replicas.
    pub async fn replicates(&self) {
        until("the replication", async || {
            let mut roles = Vec::new();
            for server in &self.servers {
                roles.push(server.try_cli(&["ROLE"]).await?);
            }
            let masters = roles.iter().filter(|role| role.starts_with("master"));
            let replicas = roles
                .iter()
                .filter(|role| role.starts_with("slave") && role.contains("connected"));
            let others = self.servers.len() - 1;
            (masters.count() == 1 && replicas.count() == others).then_some(())
        })
        .await;
    }

    /// Waits until the Sentinels name the second server as the master, and it takes writes.
    pub async fn failed_over(&self) {
        let successor = self.servers[1].announced_port().to_string();
        until("the failover", async || {
            for (_, port) in &self.programs {
                let command = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER];
                let named = cli(*port, &command).await?;
                (named.lines().last() == Some(&successor)).then_some(())?;
            }
            let role = self.servers[1].cli(&["ROLE"]).await;
            role.starts_with("master").then_some(())
        })
        .await;
    }
}

/// The file in which a Sentinel keeps its settings and what it knows.
fn sentinel_file(directory: &TempDir, number: usize) -> PathBuf {
    directory.path().join(format!("sentinel-{number}.conf"))
}

fn configure_sentinel(directory: &TempDir, number: usize, port: u16, master: u16) {
    let settings = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\n\
         sentinel monitor {MASTER} 127.0.0.1 {master} {QUORUM}\n\
         sentinel down-after-milliseconds {MASTER} {DOWN_AFTER}\n\
         sentinel failover-timeout {MASTER} {FAILOVER_TIMEOUT}\n",
        directory.path().display(),
    );
    std::fs::write(sentinel_file(directory, number), settings).unwrap();
}

fn serve_sentinel(directory: &TempDir, number: usize) -> Program {
    let mut command = Command::new("redis-server");
    command.arg(sentinel_file(directory, number));
    Program::start(command.arg("--sentinel"))
}

/// Three masters, each with a replica, that fail over after a second.
pub struct Cluster {
    /// All nodes.
    pub nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts the nodes and waits until all slots are served.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same, with further settings of all nodes.
    pub async fn start_with(further: &[&str]) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            let bus = port::free().to_string();
            let settings = ["--cluster-enabled", "yes", "--cluster-port", &bus];
            let timeout = ["--cluster-node-timeout", DOWN_AFTER];
            let settings = [&settings[..], &timeout, &SYNC_AT_ONCE, further].concat();
            nodes.push(Redis::start_with(&settings).await);
        }
        let cluster = Self { nodes };
        let addresses: Vec<_> = cluster.nodes.iter().map(address).collect();
        let mut create = vec!["--cluster", "create"];
        create.extend(addresses.iter().map(String::as_str));
        create.extend(["--cluster-replicas", "1", "--cluster-yes"]);
        cluster.nodes[0].cli(&create).await;
        cluster.is_served().await;
        cluster
    }

    /// The URL for `WEB_SESSION_STORE`. It names two nodes; the others have to be found.
    #[must_use]
    pub fn url(&self) -> String {
        let ports = self.nodes.iter().skip(1).take(2).map(Redis::port);
        format!("redis+cluster://{}", addresses(ports))
    }

    async fn master_of_slot(&self, slot: u16) -> usize {
        until("the master of a slot", async || {
            for (index, node) in self.nodes.iter().enumerate() {
                if node.owns(slot).await {
                    return Some(index);
                }
            }
            None
        })
        .await
    }

    /// The index of the master that replaced the failed one for the slot of this key; `None` before.
    pub async fn replica_in_charge(&self, key: &str, failed: usize) -> Option<usize> {
        let asked = self.nodes.iter().enumerate();
        for (index, node) in asked.filter(|(index, _)| *index != failed) {
            let slot = node.cli(&["CLUSTER", "KEYSLOT", key]).await;
            if node.owns(slot.parse().unwrap()).await {
                return Some(index);
            }
        }
        None
    }

    /// Moves the slot of this key to another master, with its keys, and returns the index of that one.
    pub async fn move_slot_of(&self, key: &str) -> usize {
        let slot = self.nodes[0].cli(&["CLUSTER", "KEYSLOT", key]).await;
        let from = self.master_of_slot(slot.parse().unwrap()).await;
        let other_slot = (slot.parse::<u16>().unwrap() + 16_384 / 2) % 16_384;
        let to = self.master_of_slot(other_slot).await;
        let [source, target] = [from, to].map(|index| &self.nodes[index]);
        let source_id = source.cli(&["CLUSTER", "MYID"]).await;
        let target_id = target.cli(&["CLUSTER", "MYID"]).await;
        target
            .cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source_id])
            .await;
        source
            .cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target_id])
            .await;
        let port = target.port().to_string();
        let keys = source
            .cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"])
            .await;
        for key in keys.lines() {
            source
                .cli(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"])
                .await;
        }
        for node in [target, source] {
            node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &target_id])
                .await;
        }
        to
    }

    /// All keys of sessions, with the index of the master that has each.
    pub async fn keys(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if node.cli(&["ROLE"]).await.starts_with("master") {
                found.extend(node.keys().await.into_iter().map(|key| (index, key)));
            }
        }
        found
    }

    async fn is_served(&self) {
        for node in &self.nodes {
            until("the Cluster", async || {
                let info = node.try_cli(&["CLUSTER", "INFO"]).await?;
                info.contains("cluster_state:ok").then_some(())
            })
            .await;
            node.is_in_sync().await;
        }
    }
}

impl Redis {
    /// Waits until this server, where it is a replica, has the data of its master.
    async fn is_in_sync(&self) {
        until("the replication", async || {
            let role = self.cli(&["ROLE"]).await;
            (role.starts_with("master") || role.contains("connected")).then_some(())
        })
        .await;
    }

    /// Whether this node of a Cluster is the master of a slot.
    async fn owns(&self, slot: u16) -> bool {
        let nodes = self.try_cli(&["CLUSTER", "NODES"]).await;
        let nodes = nodes.unwrap_or_default();
        let own = nodes.lines().filter(|line| line.contains("myself,master"));
        let slots = own.flat_map(|line| line.split(' ').skip(8));
        let mut slots = slots.filter_map(range);
        slots.any(|(first, last)| (first..=last).contains(&slot))
    }
}

/// The slots in a field of `CLUSTER NODES`, such as `0-5460` or `7`.
fn range(field: &str) -> Option<(u16, u16)> {
    let (first, last) = field.split_once('-').unwrap_or((field, field));
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn address(node: &Redis) -> String {
    format!("127.0.0.1:{}", node.port())
}

fn addresses(ports: impl Iterator<Item = u16>) -> String {
    let list = ports.fold(String::new(), |mut list, port| {
        let _ = write!(list, "127.0.0.1:{port},");
        list
    });
    list.trim_end_matches(',').to_owned()
}
