//! `cargo xtask test`: all tests of the workspace, or parts of them, with the tools that they need.

use std::{env, ffi::OsString, path::PathBuf, process::Command};

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::{
    docker,
    install::{self, Tool},
    parts::Part,
    postgres, workspace,
};

/// The environment variable with the URL of the PostgreSQL server.
const SERVER: &str = "HOLDFAST_TEST_POSTGRES";
/// The environment variable that makes the tests of auth-service use that server.
const STORE: &str = "HOLDFAST_TEST_STORE";

/// Options of `cargo xtask test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Run only this part; may be given more than once
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,
    /// Run loops of many rounds at full length
    #[arg(long)]
    long: bool,
    /// Save pictures of the pages that the browser shows into this directory
    #[arg(long, value_name = "DIRECTORY")]
    pictures: Option<PathBuf>,
    /// Arguments for `cargo test`, such as a part of a test's name
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Installs the tools, builds the programs and runs the tests.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let tools = options.tools();
    let mut environment: Vec<(&str, OsString)> = Vec::new();
    for (name, path) in install::install(&tools)? {
        environment.push((name, path.into()));
    }
    // The engine stops when this is dropped.
    let mut engine = None;
    if tools.contains(&Tool::ContainerEngine) {
        engine = Some(docker::Engine::ensure()?);
        let base_images = docker::base_images()?;
        environment.push(("HOLDFAST_TEST_BASE_IMAGES", base_images.into()));
    }
    // Like the engine.
    let mut postgres = None;
    if tools.contains(&Tool::Postgres) {
        let server = postgres.insert(postgres::Server::start()?);
        environment.push((SERVER, server.url().into()));
    }
    if options.long {
        environment.push(("HOLDFAST_TEST_LONG", "1".into()));
    }
    if let Some(directory) = &options.pictures {
        let directory = std::path::absolute(directory)?;
        environment.push(("HOLDFAST_TEST_PICTURES", directory.into()));
    }
    let passed = run_all(options, &environment)?;
    drop((engine, postgres));
    ensure!(passed, "a test failed");
    Ok(())
}

impl Options {
    fn tools(&self) -> Vec<Tool> {
        if self.only.is_empty() {
            return Tool::ALL.to_vec();
        }
        let mut tools: Vec<_> = self.only.iter().flat_map(|part| part.tools()).collect();
        tools.dedup();
        tools.into_iter().copied().collect()
    }
}

/// Whether all tests passed. A failure does not keep the parts after it from running.
fn run_all(options: &Options, environment: &[(&str, OsString)]) -> anyhow::Result<bool> {
    if options.only.is_empty() {
        let passed = cargo_test(&["--workspace"], &options.rest, environment)?;
        return Ok(passed & test_services_on_postgres(options, environment)?);
    }
    if options.only.iter().any(|part| part.needs_programs()) {
        workspace::cargo(&["test", "--workspace", "--no-run"])?;
    }
    let mut passed = true;
    for part in &options.only {
        passed &= cargo_test(&selection(*part), &options.rest, environment)?;
        if *part == Part::Postgres {
            passed &= test_services_on_postgres(options, environment)?;
        }
        if *part == Part::Unit {
            // Cargo runs documentation tests together with no other kind.
            passed &= cargo_test(&["--workspace", "--doc"], &options.rest, environment)?;
        }
    }
    Ok(passed)
}

/// Runs the tests of auth-service again, with its store on the PostgreSQL server.
fn test_services_on_postgres(
    options: &Options,
    environment: &[(&str, OsString)],
) -> anyhow::Result<bool> {
    let server = environment.iter().find(|(name, _)| *name == SERVER);
    let (_, url) = server.context("there is no PostgreSQL server")?;
    let environment = [environment, &[(STORE, url.clone())]].concat();
    // Of the whole workspace, which is built already; a package alone has other features.
    let selection = ["--workspace", "--test", "service"];
    cargo_test(&selection, &options.rest, &environment)
}

/// The arguments by which cargo selects the tests of a part. The whole workspace is built with the same features for every part.
fn selection(part: Part) -> Vec<&'static str> {
    let mut arguments = match part {
        Part::Unit => vec!["--workspace", "--lib", "--bins"],
        Part::AuthService => vec!["--package", "auth-service"],
        Part::WebService => vec!["--package", "web-service"],
        _ => vec!["--workspace"],
    };
    for target in part.targets() {
        arguments.extend(["--test", target]);
    }
    arguments
}

fn cargo_test(
    selection: &[&str],
    rest: &[String],
    environment: &[(&str, OsString)],
) -> anyhow::Result<bool> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["test", "--no-fail-fast"])
        .args(selection)
        .args(rest)
        .current_dir(workspace::root())
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .status()
        .context("cannot run cargo")?;
    Ok(status.success())
}
