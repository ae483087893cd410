//! `cargo xtask fuzz`: runs every fuzz target for a number of seconds.

use std::{env, ffi::OsStr, fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::workspace;

const CARGO_FUZZ: &str = "0.13.2";

/// Options of `cargo xtask fuzz`.
#[derive(Args)]
pub(crate) struct Options {
    /// How long each target runs, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u32,
}

/// Builds and runs all targets, and stops at the first that finds a failure.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let tool = cargo_fuzz()?;
    for target in targets()? {
        println!("\n--- {target}");
        let limit = format!("-max_total_time={}", options.seconds);
        let corpus = format!("fuzz/corpus/{target}");
        fs::create_dir_all(workspace::root().join(&corpus))?;
        let seeds = format!("fuzz/seeds/{target}");
        let status = Command::new(&tool)
            .args([
                "run",
                "--dev",
                "--sanitizer",
                "none",
                &target,
                &corpus,
                &seeds,
            ])
            .args(["--", &limit])
            .args(["-max_len=4096", "-print_final_stats=1", "-verbosity=0"])
            .current_dir(workspace::root())
            // Coverage instrumentation is an unstable option of a stable compiler.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_TARGET_DIR", workspace::root().join("target/fuzz"))
            .status()
            .context("cannot run cargo-fuzz")?;
        ensure!(
            status.success(),
            "{target} found a failure; its input is in fuzz/artifacts"
        );
    }
    Ok(())
}

fn targets() -> anyhow::Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in fs::read_dir(workspace::root().join("fuzz/fuzz_targets"))? {
        let name = entry?.path();
        targets.extend(name.file_stem().and_then(OsStr::to_str).map(str::to_owned));
    }
    targets.sort();
    ensure!(!targets.is_empty(), "there are no fuzz targets");
    Ok(targets)
}

fn cargo_fuzz() -> anyhow::Result<std::path::PathBuf> {
    let root = workspace::tools()?;
    let program = root.join("bin/cargo-fuzz");
    if !is_installed(&program) {
        println!("Building cargo-fuzz …");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["install", "cargo-fuzz", "--locked", "--debug", "--quiet"])
            .args(["--version", CARGO_FUZZ, "--root"])
            .arg(&root)
            .arg("--target-dir")
            .arg(root.join("build"))
            .status()?;
        ensure!(status.success(), "cargo-fuzz could not be built");
    }
    Ok(program)
}

fn is_installed(program: &Path) -> bool {
    let version = Command::new(program).arg("--version").output();
    version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(CARGO_FUZZ))
}
