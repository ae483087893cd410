//! PostgreSQL servers of one test: a primary, and standbys that can be promoted.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::Command;
use xtask::postgres::{self, SUPERUSER};

use crate::{packages, port, program::Program, wait::until};

/// The name by which a primary knows its standby.
const STANDBY: &str = "standby";

/// The size of a block, in bytes.
const BLOCK: u64 = 8192;

/// A running server with a database `holdfast`.
pub struct Postgres {
    program: Program,
    port: u16,
    data: PathBuf,
    _directory: TempDir,
}

impl Postgres {
    /// Starts a primary. With `is_synchronous`, its commits wait for a standby.
    pub async fn start(is_synchronous: bool) -> Self {
        let (directory, data) = directory();
        postgres::create_cluster(&data).unwrap_or_else(missing);
        let server = Self::serve(directory, data).await;
        server.sql("postgres", "CREATE DATABASE holdfast").await;
        if is_synchronous {
            server.require_standby().await;
        }
        server
    }

    /// Makes commits wait for a standby, once there is one.
    pub async fn require_standby(&self) {
        let statement = format!("ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'");
        self.sql("postgres", &statement).await;
    }

    /// Commits do not wait for a standby any more, as Patroni decides when there is none.
    pub async fn continue_alone(&self) {
        let statement = "ALTER SYSTEM SET synchronous_standby_names = ''";
        self.sql("postgres", statement).await;
        self.reload().await;
    }

    /// Applies changed settings.
    pub async fn reload(&self) {
        self.sql("postgres", "SELECT pg_reload_conf()").await;
    }

    /// Requires for every connection to `holdfast` TLS and a client certificate with the name of the user. The files in a directory are those of
    /// an authority and of its certificate for a name.
    pub async fn require_certificates(&self, files: &Path, name: &str) {
        for (file, installed) in [
            (format!("{name}.pem"), "server.crt"),
            (format!("{name}.key"), "server.key"),
            ("authority.pem".to_owned(), "authority.pem"),
        ] {
            let (from, to) = (files.join(file), self.data.join(installed));
            postgres::install_file(&from, &to).unwrap_or_else(missing);
        }
        let rules = format!(
            "host postgres {SUPERUSER} 127.0.0.1/32 trust\nhostssl holdfast all 127.0.0.1/32 cert\n"
        );
        fs::write(self.data.join("pg_hba.conf"), rules).unwrap();
        for setting in ["ssl = on", "ssl_ca_file = 'authority.pem'"] {
            let statement = format!("ALTER SYSTEM SET {setting}");
            self.sql("postgres", &statement).await;
        }
        self.reload().await;
        until("TLS", async || {
            (self.sql("postgres", "SHOW ssl").await == "on").then_some(())
        })
        .await;
    }

    /// Starts a standby that reaches this server by a port, which may be that of a relay, and applies `synchronous_standby_names`.
    pub async fn standby_through(&self, port: u16) -> Self {
        let (directory, data) = directory();
        let copy = postgres::as_server("pg_basebackup").unwrap_or_else(missing);
        let mut copy = Command::from(copy);
        copy.args(["--host=127.0.0.1", "--checkpoint=fast", "--no-sync"])
            .arg(format!("--port={port}"))
            .args(["--write-recovery-conf", "--wal-method=stream"])
            .arg(format!(
                "--dbname=user={SUPERUSER} application_name={STANDBY}"
            ))
            .arg("--pgdata")
            .arg(&data);
        succeed(&mut copy).await;
        let standby = Self::serve(directory, data).await;
        self.reload().await;
        self.replicates().await;
        standby
    }

    /// Waits until the standby receives what this server commits.
    pub async fn replicates(&self) {
        let statement = "SELECT state FROM pg_stat_replication";
        until("the standby", async || {
            let state = self.try_sql("postgres", statement).await;
            (state.as_deref() == Some("streaming")).then_some(())
        })
        .await;
    }

    async fn serve(directory: TempDir, data: PathBuf) -> Self {
        let port = port::free();
        let command = postgres::serve(&data, port).unwrap_or_else(missing);
        let server = Self {
            program: Program::start(&mut command.into()).with_children(),
            port,
            data,
            _directory: directory,
        };
        until("PostgreSQL", async || {
            server.try_sql("postgres", "SELECT 1").await.map(drop)
        })
        .await;
        server
    }

    /// The TCP port on the loopback interface.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the database at another address, for `AUTH_DATABASE_URL`.
    #[must_use]
    pub fn url_at(port: u16) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{port}/holdfast")
    }

    /// Runs a statement and returns what it prints.
    pub async fn sql(&self, database: &str, statement: &str) -> String {
        let output = self.try_sql(database, statement).await;
        output.unwrap_or_else(|| panic!("{statement} failed"))
    }

    async fn try_sql(&self, database: &str, statement: &str) -> Option<String> {
        let output = Command::new("psql")
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet"])
            .args(["--host=127.0.0.1", &format!("--port={}", self.port)])
            .args([&format!("--username={SUPERUSER}"), "--dbname", database])
            .args(["--command", statement])
            .env("PGCONNECT_TIMEOUT", "2")
            .output()
            .await
            .unwrap_or_else(|why| panic!("psql: {why}; run {}", packages::command()));
        let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(printed)
    }

    /// Stops a standby from receiving what the primary commits.
    pub async fn disconnect(&self) {
        let statement = "ALTER SYSTEM SET primary_conninfo = ''";
        self.sql("postgres", statement).await;
        self.reload().await;
        until("the end of the replication", async || {
            let receivers = "SELECT count(*) FROM pg_stat_wal_receiver";
            (self.sql("postgres", receivers).await == "0").then_some(())
        })
        .await;
    }

    /// Makes a standby the primary, whose commits wait for no other.
    pub async fn promote(&self) {
        self.continue_alone().await;
        self.sql("postgres", "SELECT pg_promote()").await;
    }

    /// Kills the server with SIGKILL, and waits until its processes have ended.
    pub async fn kill(&mut self) {
        self.program.signal(Signal::KILL);
        self.program.exit().await;
        // Its children end when they notice.
        let lock = self.data.join("postmaster.pid");
        let _ = fs::remove_file(lock);
    }

    /// Lets every write fail that makes a file larger than a block, as on a full disk.
    pub async fn fill_disk(&self) {
        let server = self.program.id();
        assert!(limit_files(server).await, "prlimit failed");
        for child in children(server) {
            // Some end when they have failed.
            let _ = limit_files(child).await;
        }
    }

    /// Suspends the process that accepts connections and those that serve them, or resumes all.
    pub fn hang(&self, hangs: bool) {
        for child in children(self.program.id()) {
            signal(child, hangs);
        }
        self.program.hang(hangs);
    }
}

/// Limits the size of the files that a process of a server can write. Its user may do so; root may not, where it lacks `CAP_SYS_RESOURCE`.
async fn limit_files(process: i32) -> bool {
    let limit = postgres::as_user(Path::new("prlimit"));
    let limit = Command::from(limit)
        .arg(format!("--pid={process}"))
        .arg(format!("--fsize={BLOCK}:{BLOCK}"))
        .stderr(Stdio::null())
        .status();
    limit.await.unwrap().success()
}

fn signal(process: i32, hangs: bool) {
    let signal = if hangs { Signal::STOP } else { Signal::CONT };
    if let Some(process) = Pid::from_raw(process) {
        let _ = kill_process(process, signal);
    }
}

/// The processes whose parent is this one.
fn children(parent: i32) -> Vec<i32> {
    let listed = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    let listed = listed.unwrap_or_default();
    listed
        .split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect()
}

/// A directory, and one in it that only the user of the server can read.
fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(
        directory.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let data = directory.path().join("data");
    postgres::make_directory(&data).unwrap();
    (directory, data)
}

async fn succeed(command: &mut Command) {
    let output = command.output().await;
    let output = output.unwrap_or_else(|why| panic!("{why}; run {}", packages::command()));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

fn missing<T>(why: impl std::fmt::Display) -> T {
    panic!("{why:#}; run {}", packages::command())
}
