//! The processes of an installation.

use std::{net::SocketAddr, path::Path, time::Duration};

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

/// The installation. Each database connection goes through a balancer, which leads to the primary.
pub(crate) struct Stack {
    pub(crate) primary: Postgres,
    pub(crate) standby: Option<Postgres>,
    pub(crate) database: Balancer,
    pub(crate) redis: Sentinels,
    pub(crate) auth: Vec<Program>,
    pub(crate) web: Vec<Program>,
    /// What clients call: web-service, with an HTTP client that keeps its connections.
    pub(crate) doors: Vec<Door>,
    /// Of the first auth-service.
    clock: WrongClock,
    auth_ports: Vec<u16>,
    database_port: u16,
    directory: TempDir,
}

impl Stack {
    /// Starts all processes, and creates the accounts.
    pub(crate) async fn start(is_synchronous: bool) -> Self {
        let (primary, redis) = tokio::join!(Postgres::start(is_synchronous), Sentinels::start());
        let standby = primary.standby_through(primary.port()).await;
        let database_port = port::free();
        let database = Balancer::start(database_port, vec![address(primary.port())]).await;
        let directory = tempfile::tempdir().unwrap();
        let mut stack = Self {
            primary,
            standby: Some(standby),
            database,
            redis,
            auth: Vec::new(),
            web: Vec::new(),
            doors: Vec::new(),
            clock: WrongClock::new(directory.path()),
            auth_ports: (0..INSTANCES).map(|_| port::free()).collect(),
            database_port,
            directory,
        };
        for instance in 0..INSTANCES {
            let program = stack.start_auth(instance).await;
            stack.auth.push(program);
        }
        for account in accounts() {
            stack.add_user(&account).await;
        }
        let issuer = port::free();
        for instance in 0..INSTANCES {
            let port = if instance == 0 { issuer } else { port::free() };
            let directory = stack.directory.path().join(format!("web-{instance}"));
            std::fs::create_dir(&directory).unwrap();
            let program = stack.start_web(&directory, port).await;
            stack.web.push(program);
            let site = Site {
                origin: format!("https://localhost:{port}"),
                ca_file: directory.join("ca.pem"),
                password: PASSWORD.to_owned(),
            };
            stack.doors.push(Door::new(site));
        }
        stack
    }

    /// The address of the gRPC port of an auth-service.
    pub(crate) fn auth_address(&self, instance: usize) -> SocketAddr {
        address(self.auth_ports[instance])
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
            .env("AUTH_LOG_FORMAT", "json");
        if instance == 0 {
            self.clock.apply(&mut command);
        }
        listening(&mut command).await
    }

    /// Starts the web-service of a door again.
    pub(crate) async fn start_web_again(&self, instance: usize) -> Program {
        let directory = self.directory.path().join(format!("web-{instance}"));
        let origin = &self.doors[instance].site.origin;
        let (_, port) = origin.rsplit_once(':').unwrap();
        self.start_web(&directory, port.parse().unwrap()).await
    }

    async fn start_web(&self, directory: &Path, port: u16) -> Program {
        let urls: Vec<_> = self
            .auth_ports
            .iter()
            .map(|port| format!("http://{}", address(*port)))
            .collect();
        let mut command = Command::new(built("web-service"));
        command
            .env("WEB_LISTEN", address(port).to_string())
            .env("WEB_OPS_LISTEN", "127.0.0.1:0")
            .env("WEB_DATA_DIR", directory)
            .env("WEB_AUTH_URL", urls.join(","))
            .env("WEB_AUTH_SECRET", SERVICE_SECRET)
            .env("WEB_SECRET_KEY", SECRET_KEY)
            .env("WEB_SESSION_STORE", self.redis.url(0))
            .env("WEB_REVOCATION_MAX_STALENESS", staleness())
            .env("WEB_LOG_FORMAT", "json");
        listening(&mut command).await
    }

    async fn add_user(&self, name: &str) {
        let arguments = ["user", "add", name, "--password-stdin"];
        let url = self.database_url();
        let settings = [
            ("AUTH_DATA_DIR", self.directory.path()),
            ("AUTH_DATABASE_URL", Path::new(&url)),
        ];
        let (success, output) = run("auth-service", &arguments, &settings, PASSWORD).await;
        assert!(success, "{output}");
    }

    fn database_url(&self) -> String {
        Postgres::url_at(self.database_port)
    }

    /// Sets the clock of the first auth-service wrong by these seconds.
    pub(crate) fn set_clock(&self, seconds: i8) {
        self.clock.set(seconds);
    }

    /// Makes the standby the primary, as an operator or Patroni does, and returns the former one.
    pub(crate) async fn promote(&mut self) -> Postgres {
        let standby = self.standby.take().expect("a standby");
        standby.promote().await;
        self.database.redirect(vec![address(standby.port())]);
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

    /// A new standby, for which commits wait.
    pub(crate) async fn add_standby(&mut self) {
        self.primary.require_standby().await;
        self.standby = Some(self.primary.standby_through(primary.port()).await);
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

fn staleness() -> String {
    format!("{}s", MAX_STALENESS.as_secs())
}

pub(crate) fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

async fn listening(command: &mut Command) -> Program {
    let mut program = Program::start(command);
    program.logged("listening").await;
    program
}
