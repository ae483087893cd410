//! A PostgreSQL server for the tests, with a data directory of its own.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// Where Debian installs the programs of each major version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The user that runs the server where this process runs as root, which PostgreSQL refuses.
const USER: &str = "postgres";
/// The superuser of the server, who needs no password.
pub const SUPERUSER: &str = "holdfast";
const START_DEADLINE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

/// A running server. Dropped, it stops, and its data is deleted in the background.
pub struct Server {
    process: Child,
    data: PathBuf,
    port: u16,
}

impl Server {
    /// Creates the data directory and starts the server.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start.
    pub fn start() -> anyhow::Result<Self> {
        let data = env::temp_dir().join(format!("holdfast-postgres-{}", process::id()));
        make_directory(&data)?;
        create_cluster(&data)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = fs::File::create(data.with_extension("log"))?;
        let process = serve(&data, port)?
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("cannot run postgres")?;
        let mut server = Self {
            process,
            data,
            port,
        };
        server.wait(&programs()?)?;
        Ok(server)
    }

    /// The URL of the server, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}", self.port)
    }

    fn wait(&mut self, programs: &Path) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let ready = Command::new(programs.join("pg_isready"))
                .args(["--quiet", "--host=127.0.0.1"])
                .arg(format!("--port={}", self.port))
                .status()?;
            if ready.success() {
                return Ok(());
            }
            if self.process.try_wait()?.is_some() || begun.elapsed() > START_DEADLINE {
                let output = fs::read_to_string(self.data.with_extension("log"));
                bail!(
                    "postgres does not start; its output:\n{}",
                    output.unwrap_or_default()
                );
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A fast shutdown, which does not wait for clients.
        if let Some(pid) = Pid::from_raw(self.process.id().cast_signed()) {
            let _ = kill_process(pid, Signal::INT);
            let _ = self.process.wait();
        }
        // A run leaves hundreds of databases. On a disk that discards freed blocks at once, their removal takes minutes, for which nothing has to wait.
        let mut remove = Command::new("rm");
        remove.arg("-rf").arg(&self.data).stdin(Stdio::null());
        let _ = remove.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let _ = fs::remove_file(self.data.with_extension("log"));
    }
}

/// Fills a directory with the data of a new server.
///
/// # Errors
/// PostgreSQL is not installed, or refuses.
pub fn create_cluster(data: &Path) -> anyhow::Result<()> {
    let created = as_server("initdb")?
        .args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
        .arg(format!("--username={SUPERUSER}"))
        .arg("--pgdata")
        .arg(data)
        .stdout(Stdio::null())
        .status()
        .context("cannot run initdb")?;
    ensure!(created.success(), "initdb failed");
    Ok(())
}

/// The command that serves the data in a directory on a port of the loopback interface.
///
/// # Errors
/// PostgreSQL is not installed.
pub fn serve(data: &Path, port: u16) -> anyhow::Result<Command> {
    let mut command = as_server("postgres")?;
    command
        .arg("-D")
        .arg(data)
        .arg("-k")
        .arg(data)
        // A crash of the machine loses only this run.
        .args(["-c", "fsync=off", "-c", "max_connections=1000"])
        .args(["-c", "listen_addresses=127.0.0.1"])
        .args(["-c", &format!("port={port}")]);
    Ok(command)
}

/// The directory with the programs of the latest installed version.
fn programs() -> anyhow::Result<PathBuf> {
    let versions = fs::read_dir(VERSIONS).with_context(|| format!("{VERSIONS} is missing"))?;
    let versions = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let installed = versions.filter(|programs| programs.join("initdb").exists());
    installed.max().context("PostgreSQL is not installed")
}

/// An empty directory that only the user of the server can read.
///
/// # Errors
/// It cannot be created.
pub fn make_directory(data: &Path) -> anyhow::Result<()> {
    let made = install("700").arg("--directory").arg(data).status()?;
    ensure!(made.success(), "cannot create {}", data.display());
    Ok(())
}

/// Copies a file, so that only the user of the server can read it.
///
/// # Errors
/// It cannot be copied.
pub fn install_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    let copied = install("600").arg(from).arg(to).status()?;
    ensure!(copied.success(), "cannot create {}", to.display());
    Ok(())
}

/// A command that installs files with this mode for the user of the server.
fn install(mode: &str) -> Command {
    let mut command = Command::new("install");
    command.arg(format!("--mode={mode}"));
    if is_root() {
        command.arg(format!("--owner={USER}"));
    }
    command
}

/// A program of PostgreSQL, run by the user of the server.
///
/// # Errors
/// PostgreSQL is not installed.
pub fn as_server(program: &str) -> anyhow::Result<Command> {
    Ok(as_user(&programs()?.join(program)))
}

/// A program of the system, run by the user of the server.
#[must_use]
pub fn as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"])
        .arg(program)
        // That of this process may not be readable by the other user.
        .current_dir("/");
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
