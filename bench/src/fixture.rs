//! Ports, an empty data directory and a Redis, on which the services are started.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::ensure;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    cores, free_port,
    http::{PASSWORD, status},
    process::Server,
    redis, scratch_directory,
};

/// The service secret.
pub(super) const SECRET: &str = "SzM1q8VbE2xYw7RkT0nLd5HcJf9GpA4u";

/// Ports, a data directory and a Redis for one pair of services.
pub(super) struct Fixture {
    pub(super) programs: PathBuf,
    pub(super) directory: PathBuf,
    pub(super) tls: bool,
    auth: Ports,
    pub(super) https: u16,
    redis: Server,
    pub(super) redis_port: u16,
    /// A database that several instances share, instead of a file.
    database: Option<SharedDatabase>,
}

/// A database, and the ports of the instances that use it beside the first one.
struct SharedDatabase {
    url: String,
    others: Vec<Ports>,
}

/// The ports of an auth-service.
#[derive(Clone, Copy)]
struct Ports {
    grpc: u16,
    ops: u16,
}

impl Ports {
    fn free() -> anyhow::Result<Self> {
        Ok(Self {
            grpc: free_port()?,
            ops: free_port()?,
        })
    }
}

impl Fixture {
    pub(super) fn new(programs: &Path, tls: bool) -> anyhow::Result<Self> {
        let (redis, redis_port) = redis::start()?;
        Ok(Self {
            programs: programs.to_owned(),
            directory: scratch_directory()?.join("data"),
            tls,
            auth: Ports::free()?,
            https: free_port()?,
            redis,
            redis_port,
            database: None,
        })
    }

    /// The same for several instances of auth-service, which use a database and the Redis.
    pub(super) fn on_database(self, url: String, instances: usize) -> anyhow::Result<Self> {
        let others = (1..instances).map(|_| Ports::free());
        let others = others.collect::<anyhow::Result<_>>()?;
        Ok(Self {
            database: Some(SharedDatabase { url, others }),
            ..self
        })
    }

    /// The URL of auth-service, or those of its instances.
    pub(super) fn auth_url(&self) -> String {
        let ports = self.instances().map(|ports| ports.grpc);
        let urls: Vec<_> = ports
            .map(|port| format!("http://127.0.0.1:{port}"))
            .collect();
        urls.join(",")
    }

    fn instances(&self) -> impl Iterator<Item = Ports> {
        let others = self.database.iter().flat_map(|database| &database.others);
        [self.auth].into_iter().chain(others.copied())
    }

    pub(super) fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.redis_port)
    }

    pub(super) const fn redis(&self) -> &Server {
        &self.redis
    }

    pub(super) fn into_redis(self) -> Server {
        self.redis
    }

    /// The program `load` with this subcommand, for auth-service of this fixture.
    pub(super) fn load(&self, command: &str) -> Command {
        load_program(&self.programs, command, &self.auth_url())
    }

    /// Writes revocations to the database, which no service may have open.
    pub(super) fn fill_revocations(&self, count: u64) -> anyhow::Result<()> {
        let mut command = Command::new(self.programs.join("load"));
        command
            .args(["revocations", "--count", &count.to_string(), "--database"])
            .arg(self.directory.join("auth.db"));
        crate::generator::output(&mut command).map(drop)
    }

    /// Starts auth-service without waiting.
    pub(super) fn spawn_auth(&self) -> anyhow::Result<Server> {
        self.spawn_instance(self.auth)
    }

    /// `auth-service`, for the database of this fixture.
    fn auth_service(&self) -> Command {
        let mut command = Command::new(self.programs.join("auth-service"));
        command.env("AUTH_DATA_DIR", &self.directory);
        if let Some(database) = &self.database {
            command.env("AUTH_DATABASE_URL", &database.url);
        }
        command
    }

    fn spawn_instance(&self, ports: Ports) -> anyhow::Result<Server> {
        let mut command = self.auth_service();
        if self.database.is_some() {
            command.env("AUTH_REDIS_URL", self.redis_url());
        }
        command
            .env("AUTH_LISTEN", format!("127.0.0.1:{}", ports.grpc))
            .env("AUTH_OPS_LISTEN", format!("127.0.0.1:{}", ports.ops))
            .env("AUTH_ISSUER", self.public_url())
            .env("AUTH_KEY_ENCRYPTION_KEY", key(7))
            .env("AUTH_SERVICE_SECRET", SECRET)
            .env("AUTH_ACCESS_TTL", "1h")
            .env("AUTH_ARGON2_CONCURRENCY", cores().to_string())
            .env("AUTH_LOG", "warn");
        Server::spawn(&mut command)
    }

    pub(super) fn is_auth_ready(&self) -> bool {
        status(self.auth.ops, "/readyz") == Some(200)
    }

    /// Starts every instance of auth-service, one after the other.
    pub(super) fn all_auth(&self) -> anyhow::Result<Vec<Server>> {
        let start = |ports: Ports| {
            let server = self.spawn_instance(ports)?;
            server.wait_ready(|| status(ports.ops, "/readyz") == Some(200))
        };
        self.instances().map(start).collect()
    }

    /// Starts auth-service and waits until it is ready.
    pub(super) fn auth(&self) -> anyhow::Result<Server> {
        self.spawn_auth()?.wait_ready(|| self.is_auth_ready())
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    pub(super) fn public_url(&self) -> String {
        format!("https://localhost:{}", self.https)
    }

    /// Creates an account with [`PASSWORD`] through the command line.
    pub(super) fn add_user(&self, name: &str) -> anyhow::Result<()> {
        use std::io::Write as _;
        let mut child = self
            .auth_service()
            .args(["user", "add", name, "--password-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            writeln!(stdin, "{PASSWORD}")?;
        }
        ensure!(child.wait()?.success(), "the account could not be created");
        Ok(())
    }

    /// Registers the relying party that the program `load` poses as.
    pub(super) fn add_relying_party(&self) -> anyhow::Result<()> {
        let mut command = self.auth_service();
        command
            .args([
                "client",
                "add",
                "relying-party",
                "--public",
                "--first-party",
            ])
            .args(["--redirect-uri", "https://app.example/callback"]);
        crate::generator::output(&mut command).map(drop)
    }

    /// Creates the accounts that the program `load` signs in to.
    pub(super) fn add_load_users(&self, count: u8) -> anyhow::Result<()> {
        (0..count).try_for_each(|number| self.add_user(&format!("load{number}")))
    }
}

/// The program `load` with this subcommand, for any server of `AuthService`.
pub(super) fn load_program(programs: &Path, command: &str, auth_url: &str) -> Command {
    let mut program = Command::new(programs.join("load"));
    program
        .args([command, "--auth", auth_url])
        .env("LOAD_SERVICE_SECRET", SECRET)
        .env("LOAD_PASSWORD", PASSWORD);
    program
}

/// A key in base64 that the services accept as random; a different one for each byte.
pub(super) fn key(byte: u8) -> String {
    let mut key = *b"n7Wq2Zf9Yt8kQb1sXh6cLr3dGa5uEoPi";
    key[0] = byte;
    STANDARD.encode(key)
}
