//! A Redis server for one test.

use std::{path::Path, time::Duration};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use crate::{balancer::Balancer, packages, port, program::Program, wait::until};

/// Limit for one command, so that a suspended server does not suspend the test.
const CLI_DEADLINE: Duration = Duration::from_secs(5);

/// A running `redis-server`.
pub struct Redis {
    port: u16,
    program: Program,
    directory: TempDir,
    settings: Vec<String>,
    link: Option<Balancer>,
}

impl Redis {
    /// Starts a server on a free port. It writes each change to disk before it answers.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with further settings.
    pub async fn start_with(settings: &[&str]) -> Self {
        let port = port::free();
        let directory = tempfile::tempdir().unwrap();
        let redis = Self {
            program: serve(port, directory.path(), settings),
            port,
            directory,
            settings: settings.iter().map(ToString::to_string).collect(),
            link: None,
        };
        redis.answers().await;
        redis
    }

    /// Starts a server that replicas, Sentinels and clients reach through a [link](Self::link), whose port it announces.
    pub async fn start_behind_link(settings: &[&str]) -> Self {
        let announced = port::free();
        let port = announced.to_string();
        let address = ["--replica-announce-ip", "127.0.0.1"];
        let announce = [&address[..], &["--replica-announce-port", &port], settings].concat();
        let mut redis = Self::start_with(&announce).await;
        let server = ([127, 0, 0, 1], redis.port).into();
        redis.link = Some(Balancer::start(announced, vec![server]).await);
        redis
    }

    /// Kills the server and starts it again with the data on disk.
    pub async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// Restarts as [`restart`](Self::restart) does, with further settings.
    pub async fn restart_with(&mut self, settings: &[&str]) {
        self.kill().await;
        self.start_again_with(settings).await;
    }

    /// Starts a killed server again with the data on disk and the settings of its first start.
    pub async fn start_again(&mut self) {
        self.start_again_with(&[]).await;
    }

    async fn start_again_with(&mut self, further: &[&str]) {
        let settings = self.settings.iter().map(String::as_str);
        let settings: Vec<_> = settings.chain(further.iter().copied()).collect();
        self.program = serve(self.port, self.directory.path(), &settings);
        self.answers().await;
    }

    async fn answers(&self) {
        until("redis-server", async || {
            (self.try_cli(&["PING"]).await? == "PONG").then_some(())
        })
        .await;
    }

    /// The TCP port on the loopback interface.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The port by which replicas, Sentinels and their clients reach the server.
    #[must_use]
    pub fn announced_port(&self) -> u16 {
        self.link.as_ref().map_or(self.port, Balancer::port)
    }

    /// The network between this server and all others, where it was started behind a link.
    pub const fn link(&mut self) -> &mut Balancer {
        self.link.as_mut().expect("a server behind a link")
    }

    /// The URL for `WEB_SESSION_STORE`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Runs a command with `redis-cli` and returns the reply.
    pub async fn cli(&self, arguments: &[&str]) -> String {
        self.try_cli(arguments).await.expect("redis-cli succeeds")
    }

    /// All keys but the presence keys of the instances.
    pub async fn keys(&self) -> Vec<String> {
        self.cli(&["KEYS", "*"])
            .await
            .lines()
            .filter(|key| !key.is_empty() && !key.starts_with("there:"))
            .map(str::to_owned)
            .collect()
    }

    /// Suspends the server while its connections stay open, or resumes it.
    pub fn hang(&self, hangs: bool) {
        self.program.hang(hangs);
    }

    /// Lets every write to a file fail, as on a full disk, until the disk is free again. The server writes to disk once a second meanwhile, the
    /// default of Redis: one that does so before each answer ends with the first failure.
    pub async fn fill_disk(&self, is_full: bool) {
        let frequency = if is_full { "everysec" } else { "always" };
        let frequency = ["CONFIG", "SET", "appendfsync", frequency];
        let limit = Rlimit {
            current: is_full.then_some(0),
            maximum: None,
        };
        let limit_size = || prlimit(Pid::from_raw(self.program.id()), Resource::Fsize, limit);
        if is_full {
            self.cli(&frequency).await;
            limit_size().unwrap();
            let write = ["SET", "there:full", "", "PX", "1"];
            until("the full disk", async || {
                let reply = self.cli(&write).await;
                reply.starts_with("MISCONF").then_some(())
            })
            .await;
        } else {
            limit_size().unwrap();
            until("writes to disk", async || {
                let info = self.cli(&["INFO", "persistence"]).await;
                info.contains("aof_last_write_status:ok").then_some(())
            })
            .await;
            self.cli(&frequency).await;
        }
    }

    /// Kills the server with SIGKILL.
    pub async fn kill(&mut self) {
        self.program.signal(rustix::process::Signal::KILL);
        self.program.exit().await;
    }

    /// Runs a command with `redis-cli` and returns the reply; `None` while the server does not respond.
    pub async fn try_cli(&self, arguments: &[&str]) -> Option<String> {
        cli(self.port, arguments).await
    }
}

/// Runs a command with `redis-cli` and returns the reply; `None` where it fails or takes longer than [`CLI_DEADLINE`].
pub(crate) async fn cli(port: u16, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("redis-cli");
    command
        .args(["-h", "127.0.0.1", "-p", &port.to_string()])
        .args(arguments)
        .kill_on_drop(true);
    let output = timeout(CLI_DEADLINE, command.output()).await.ok()?;
    let output =
        output.unwrap_or_else(|why| panic!("redis-cli: {why}; run {}", packages::command()));
    let reply = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(reply)
}

fn serve(port: u16, directory: &Path, settings: &[&str]) -> Program {
    // A write beyond a limit fails, as on a full disk, where the signal that comes with it is ignored.
    Program::start(
        Command::new("env")
            .args(["--ignore-signal=XFSZ", "redis-server"])
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args([
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
            ])
            .args(settings)
            .current_dir(directory),
    )
}
