//! A Redis server for one test.

use std::{path::Path, time::Duration};

use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use crate::{packages, port, program::Program, wait::until};

/// Limit for one command, so that a suspended server does not suspend the test.
const CLI_DEADLINE: Duration = Duration::from_secs(5);

/// A running `redis-server`.
pub struct Redis {
    port: u16,
    program: Program,
    directory: TempDir,
    settings: Vec<String>,
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
        };
        redis.answers().await;
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
    Program::start(
        Command::new("redis-server")
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
