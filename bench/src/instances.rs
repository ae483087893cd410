//! One auth-service on a file, or several on one PostgreSQL.

use std::{
    fs,
    net::TcpStream,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use xtask::postgres::{self, SUPERUSER};

use crate::{fixture::Fixture, free_port, process::Server};

/// Running instances.
pub(super) struct Instances {
    pub(super) auth: Vec<Server>,
    pub(super) fixture: Fixture,
    pub(super) database: Option<Database>,
}

/// A running PostgreSQL whose commits are on the disk.
pub(super) struct Database {
    pub(super) server: Server,
    data: PathBuf,
    port: u16,
}

impl Instances {
    /// One instance on a file.
    pub(super) fn on_sqlite(fixture: Fixture) -> anyhow::Result<Self> {
        Ok(Self {
            auth: vec![fixture.auth()?],
            fixture,
            database: None,
        })
    }

    /// Several instances on one PostgreSQL.
    pub(super) fn on_postgres(fixture: Fixture, count: usize) -> anyhow::Result<Self> {
        fs::create_dir_all(&fixture.directory)?;
        let database = Database::start()?;
        let fixture = fixture.on_database(database.url(), count)?;
        Ok(Self {
            auth: fixture.all_auth()?,
            fixture,
            database: Some(database),
        })
    }
}

impl Database {
    fn start() -> anyhow::Result<Self> {
        // The user of the server cannot enter a private directory of this process.
        let port = free_port()?;
        let data = std::env::temp_dir().join(format!("holdfast-bench-postgres-{port}"));
        postgres::make_directory(&data)?;
        postgres::create_cluster(&data)?;
        let mut command = postgres::serve(&data, port)?;
        command.args(["-c", "fsync=on"]);
        let server = Server::start(&mut command, || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })?;
        let database = Self { server, data, port };
        database.create()?;
        Ok(database)
    }

    fn create(&self) -> anyhow::Result<()> {
        let created = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--dbname"])
            .arg(format!(
                "postgres://{SUPERUSER}@127.0.0.1:{}/postgres",
                self.port
            ))
            .args(["--command", "CREATE DATABASE holdfast"])
            .stdout(Stdio::null())
            .status()
            .context("cannot run psql")?;
        ensure!(created.success(), "the database could not be created");
        Ok(())
    }

    fn url(&self) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/holdfast", self.port)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.data);
    }
}
