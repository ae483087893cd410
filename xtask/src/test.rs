//! `cargo xtask test`: every test of the workspace, with everything it needs.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::{docker, install, workspace};

/// How `cargo xtask test` can be changed.
#[derive(Args)]
pub(crate) struct Options {
    /// Run loops of many rounds at full length
    #[arg(long)]
    long: bool,
    /// Save pictures of the pages that the browser sees into this directory
    #[arg(long, value_name = "DIRECTORY")]
    pictures: Option<PathBuf>,
    /// Passed on to `cargo test`, such as a part of a test's name
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Installs, builds and runs.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let tools = install::install()?;
    let _engine = docker::Engine::ensure()?;
    let base_images = docker::base_images()?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(&options.rest)
        .current_dir(workspace::root())
        .env("HOLDFAST_TEST_GRPCURL", tools.grpcurl)
        .env("HOLDFAST_TEST_NODE", tools.node)
        .env("HOLDFAST_TEST_PYTHON", tools.python)
        .env("HOLDFAST_TEST_BASE_IMAGES", base_images);
    if options.long {
        command.env("HOLDFAST_TEST_LONG", "1");
    }
    if let Some(directory) = &options.pictures {
        let directory = std::path::absolute(directory)?;
        command.env("HOLDFAST_TEST_PICTURES", directory);
    }
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "a test failed");
    Ok(())
}
