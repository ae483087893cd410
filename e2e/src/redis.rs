//! A Redis server for one test.

use std::path::Path;

use tempfile::TempDir;
use tokio::process::Command;

use crate::{packages, port, program::Program, wait::until};

/// A running `redis-server`.
pub struct Redis {
    port: u16,
    program: Program,
    directory: TempDir,
}

impl Redis {
    /// Starts a server on a free port. It writes each change to disk before it answers.
    pub async fn start() -> Self {
        let port = port::free();
        let directory = tempfile::tempdir().unwrap();
        let redis = Self {
            program: serve(port, directory.path(), &[]),
            port,
            directory,
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
        self.program.signal(rustix::process::Signal::KILL);
        self.program.exit().await;
        self.program = serve(self.port, self.directory.path(), settings);
        self.answers().await;
    }

    async fn answers(&self) {
        until("redis-server", async || {
            (self.try_cli(&["PING"]).await? == "PONG").then_some(())
        })
        .await;
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
    pub async fn kill(mut self) {
        self.program.signal(rustix::process::Signal::KILL);
        self.program.exit().await;
    }

    async fn try_cli(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("redis-cli")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(arguments)
            .output()
            .await
            .unwrap_or_else(|why| panic!("redis-cli: {why}; run {}", packages::command()));
        let reply = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(reply)
    }
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
