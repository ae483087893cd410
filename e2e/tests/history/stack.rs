//! The processes of an installation.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use e2e::{
    balancer::Balancer,
    clock::WrongClock,
    history::Door,
    pair::{KEY_ENCRYPTION_KEY, PASSWORD, SECRET_KEY, SERVICE_SECRET},
    port,
    postgres::Postgres,
    program::{Program, built, run},
    redis_group::Sentinels,
    site::Site,
    wait::until,
};
use tempfile::TempDir;
use tokio::process::Command;

/// Instances of each service.
pub(crate) const INSTANCES: usize = 2;
/// `AUTH_REVOCATION_MAX_STALENESS` and `WEB_REVOCATION_MAX_STALENESS`.
pub(crate) const MAX_STALENESS: Duration = Duration::from_secs(12);
/// The accounts that clients sign in to: so many that none is signed in to more often than the limit of ten minutes (600 times) allows, however
/// many rounds there are.
const ACCOUNTS: usize = 32;

/// Time after which an acknowledged end is in effect everywhere: the age of an instance's memory while the database is away, or that of
/// web-service's while auth-service is, the delay of a message, and the age of a memory that counts as current.
pub(crate) const BOUND: Duration = MAX_STALENESS.saturating_add(Duration::from_secs(3));

/// The installation. What fails in the network fails in the relays between the parts.
pub(crate) struct Stack {
    pub(crate) primary: Postgres,
    pub(crate) standby: Option<Postgres>,
    /// The balancer that leads each database connection to the primary.
    pub(crate) database: Balancer,
    /// From the standby to its primary.
    pub(crate) replication: Balancer,
    pub(crate) redis: Sentinels,
    pub(crate) auth: Vec<Program>,
    /// From the web-services to each auth-service.
    pub(crate) auth_links: Vec<Balancer>,
    pub(crate) web: Vec<Program>,
    /// The balancer in front of the web-services, with a port for each, as clients take them in turn.
    pub(crate) web_links: Vec<Balancer>,
    /// What clients call: web-service, with an HTTP client that keeps its connections.
    pub(crate) doors: Vec<Door>,
    /// Of the first auth-service.
    pub(crate) auth_clock: WrongClock,
    /// Of the first web-service.
    pub(crate) web_clock: WrongClock,
    auth_ports: Vec<u16>,
    web_ports: Vec<u16>,
    directory: TempDir,
}

impl Stack {
    /// Starts all processes, and creates the accounts.
    pub(crate) async fn start(is_synchronous: bool) -> Self {
        let servers = (
            Postgres::start(is_synchronous),
            Sentinels::start_behind_links(),
        );
        let (primary, redis) = tokio::join!(servers.0, servers.1);
        let database = Balancer::link_to(primary.port()).await;
        let replication = Balancer::link_to(primary.port()).await;
        let standby = primary.standby_through(replication.port()).await;
        let directory = tempfile::tempdir().unwrap();
        for instance in 0..INSTANCES {
            std::fs::create_dir(data_of_web(&directory, instance)).unwrap();
        }
        let [auth_ports, web_ports] = [(); 2].map(|()| free_ports());
        let mut stack = Self {
            primary,
            standby: Some(standby),
            database,
            replication,
            redis,
            auth: Vec::new(),
            auth_links: links_to(&auth_ports).await,
            web: Vec::new(),
            web_links: links_to(&web_ports).await,
            doors: Vec::new(),
            auth_clock: WrongClock::new(directory.path()),
            web_clock: WrongClock::new(&data_of_web(&directory, 0)),
            auth_ports,
            web_ports,
            directory,
        };
        stack.start_services().await;
        stack
    }

    async fn start_services(&mut self) {
        for instance in 0..INSTANCES {
            let program = self.start_auth(instance).await;
            self.auth.push(program);
        }
        for account in accounts() {
            self.add_user(&account).await;
        }
        for instance in 0..INSTANCES {
            let program = self.start_web(instance).await;
            self.web.push(program);
            self.doors.push(Door::new(Site {
                origin: self.origin(instance),
                ca_file: data_of_web(&self.directory, instance).join("ca.pem"),
                password: PASSWORD.to_owned(),
            }));
        }
    }

    /// The address of the gRPC port of an auth-service.
    pub(crate) fn auth_address(&self, instance: usize) -> SocketAddr {
        address(self.auth_ports[instance])
    }

    /// The origin of a web-service, as its clients see it.
    fn origin(&self, instance: usize) -> String {
        format!("https://localhost:{}", self.web_links[instance].port())
    }

    /// Starts an auth-service on its port.
    pub(crate) async fn start_auth(&self, instance: usize) -> Program {
        let mut command = Command::new(built("auth-service"));
        command
            .env("AUTH_LISTEN", self.auth_address(instance).to_string())
            .env("AUTH_OPS_LISTEN", "127.0.0.1:0")
            .env("AUTH_DATA_DIR", self.directory.path())
            .env("AUTH_DATABASE_URL", self.database_url())
            .env("AUTH_REDIS_URL", self.redis.url(1))
            .env("AUTH_ISSUER", "https://localhost")
            .env("AUTH_KEY_ENCRYPTION_KEY", KEY_ENCRYPTION_KEY)
            .env("AUTH_SERVICE_SECRET", SERVICE_SECRET)
            .env("AUTH_REVOCATION_MAX_STALENESS", staleness())
            .env("AUTH_OUTBOUND_PRIVATE_ADDRESSES", "on")
            .env("AUTH_LOG_FORMAT", "json");
        if instance == 0 {
            self.auth_clock.apply(&mut command);
        }
        listening(&mut command).await
    }

    /// Starts a web-service on its port.
    pub(crate) async fn start_web(&self, instance: usize) -> Program {
        let links = self.auth_links.iter();
        let urls: Vec<_> = links
            .map(|link| format!("http://{}", address(link.port())))
            .collect();
        let listen = address(self.web_ports[instance]);
        let mut command = Command::new(built("web-service"));
        command
            .env("WEB_LISTEN", listen.to_string())
            .env("WEB_PUBLIC_URL", self.origin(instance))
            .env("WEB_OPS_LISTEN", "127.0.0.1:0")
            .env("WEB_DATA_DIR", data_of_web(&self.directory, instance))
            .env("WEB_AUTH_URL", urls.join(","))
            .env("WEB_AUTH_SECRET", SERVICE_SECRET)
            .env("WEB_SECRET_KEY", SECRET_KEY)
            .env("WEB_SESSION_STORE", self.redis.url(0))
            .env("WEB_REVOCATION_MAX_STALENESS", staleness())
            .env("WEB_LOG_FORMAT", "json");
        if instance == 0 {
            self.web_clock.apply(&mut command);
        }
        listening(&mut command).await
    }

    async fn add_user(&self, name: &str) {
        let add = ["user", "add", name, "--password-stdin"];
        self.command(&add, PASSWORD).await;
    }

    /// Runs a command of auth-service.
    pub(crate) async fn command(&self, arguments: &[&str], input: &str) {
        let url = self.database_url();
        let settings = [
            ("AUTH_DATA_DIR", self.directory.path()),
            ("AUTH_DATABASE_URL", Path::new(&url)),
        ];
        let (success, output) = run("auth-service", arguments, &settings, input).await;
        assert!(success, "{output}");
    }

    fn database_url(&self) -> String {
        Postgres::url_at(self.database.port())
    }

    /// Makes the standby the primary, as an operator or Patroni does, and returns the former one.
    pub(crate) async fn promote(&mut self) -> Postgres {
        let standby = self.standby.take().expect("a standby");
        standby.promote().await;
        for link in [&self.database, &self.replication] {
            link.redirect(vec![address(standby.port())]);
        }
        std::mem::replace(&mut self.primary, standby)
    }

    /// Waits until the standby has what is committed now.
    pub(crate) async fn in_sync(&self) {
        let statement = "SELECT pg_current_wal_lsn() <= replay_lsn FROM pg_stat_replication";
        until("the standby", async || {
            (self.primary.sql("postgres", statement).await == "t").then_some(())
        })
        .await;
    }

    /// Kills the standby, and does without one.
    pub(crate) async fn stop_standby(&mut self) {
        let mut standby = self.standby.take().expect("a standby");
        standby.kill().await;
    }

    /// A new standby, for which commits wait.
    pub(crate) async fn add_standby(&mut self) {
        self.primary.require_standby().await;
        let standby = self.primary.standby_through(self.replication.port());
        self.standby = Some(standby.await);
    }
}

/// The name of an account.
pub(crate) fn account_name(account: usize) -> String {
    format!("user-{account}")
}

/// The names of all accounts.
pub(crate) fn accounts() -> Vec<String> {
    (0..ACCOUNTS).map(account_name).collect()
}

fn data_of_web(directory: &TempDir, instance: usize) -> PathBuf {
    directory.path().join(format!("web-{instance}"))
}

/// A port for each instance.
fn free_ports() -> Vec<u16> {
    (0..INSTANCES).map(|_| port::free()).collect()
}

/// A relay in front of each instance.
async fn links_to(ports: &[u16]) -> Vec<Balancer> {
    let mut links = Vec::new();
    for port in ports {
        links.push(Balancer::link_to(*port).await);
    }
    links
}

fn staleness() -> String {
    format!("{}s", MAX_STALENESS.as_secs())
}

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

async fn listening(command: &mut Command) -> Program {
    let mut program = Program::start(command);
    program.logged("listening").await;
    program
}
