//! Directories of the workspace, and cargo commands in it.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map(PathBuf::from).unwrap_or(manifest)
}

/// The directory for build output: `CARGO_TARGET_DIR`, or `target`.
#[must_use]
pub fn target() -> PathBuf {
    let directory = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(directory)
}

/// The directory for tools that no Debian package provides, created if it does not exist.
///
/// # Errors
/// When it cannot be created.
pub fn tools() -> anyhow::Result<PathBuf> {
    let directory = root().join("target").join("tools");
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// Builds both services, without the PostgreSQL store, and returns the directory that contains them.
///
/// # Errors
/// When the build fails.
pub fn build_services() -> anyhow::Result<PathBuf> {
    let services = ["--package", "auth-service", "--package", "web-service"];
    cargo(&[&["build", "--no-default-features", "--bins"], &services[..]].concat())?;
    let own = env::current_exe().context("cannot determine the directory of the built programs")?;
    own.parent()
        .map(PathBuf::from)
        .context("this program is in no directory")
}

/// Runs cargo in the workspace.
///
/// # Errors
/// When cargo fails.
pub fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    Ok(())
}
