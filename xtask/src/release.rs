//! `cargo xtask release`: builds the optimised programs, without symbol tables and with line tables for backtraces.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use crate::workspace;

const PROGRAMS: [&str; 2] = ["auth-service", "web-service"];

/// The directory for what is distributed.
pub(crate) fn directory() -> PathBuf {
    workspace::root().join("target/dist")
}

/// Builds both programs, and writes the stripped ones to `target/dist`, which it returns.
pub(crate) fn run() -> anyhow::Result<PathBuf> {
    let bins = PROGRAMS.map(|program| ["--bin", program]).concat();
    workspace::cargo(&[&["build", "--release"], bins.as_slice()].concat())?;
    let target = workspace::root().join("target");
    let shipped = directory();
    fs::create_dir_all(&shipped)?;
    for program in PROGRAMS {
        strip(
            &target.join("release").join(program),
            &shipped.join(program),
        )?;
        println!("{}", shipped.join(program).display());
    }
    Ok(shipped)
}

/// Removes the symbol table. Cargo's own `strip` removes the line tables, too.
fn strip(built: &Path, shipped: &Path) -> anyhow::Result<()> {
    let status = Command::new("strip")
        .args(["--strip-unneeded", "--keep-section=.debug*", "-o"])
        .args([shipped, built])
        .status()
        .context("cannot run strip, which comes with the C compiler")?;
    ensure!(status.success(), "cannot strip {}", built.display());
    Ok(())
}
