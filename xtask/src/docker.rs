//! The container engine of the compose test: the running one, or one that is started for the test.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::workspace;

const START_DEADLINE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(200);

/// A running container engine. Dropped, it stops the engine if it started it.
pub(crate) struct Engine {
    started: Option<Child>,
}

impl Engine {
    /// Uses the running engine, or starts one and waits until it answers.
    pub(crate) fn ensure() -> anyhow::Result<Self> {
        if answers() {
            return Ok(Self { started: None });
        }
        ensure!(
            rustix::process::geteuid().is_root(),
            "the tests need a container engine: start Docker, or run as root"
        );
        println!("Starting dockerd …");
        remove_stale_pid_files();
        let log = workspace::tools()?.join("dockerd.log");
        let output = File::create(&log)?;
        let started = Command::new("dockerd")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("cannot run dockerd")?;
        let mut engine = Self {
            started: Some(started),
        };
        engine.wait(&log)?;
        Ok(engine)
    }

    fn wait(&mut self, log: &Path) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !answers() {
            let ended = match &mut self.started {
                Some(child) => child.try_wait()?.is_some(),
                None => false,
            };
            if ended || begun.elapsed() > START_DEADLINE {
                let output = fs::read_to_string(log).unwrap_or_default();
                bail!("dockerd does not start; its output:\n{output}");
            }
            thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(started) = &mut self.started else {
            return;
        };
        if let Some(pid) = Pid::from_raw(started.id().cast_signed()) {
            let _ = kill_process(pid, Signal::TERM);
            let _ = started.wait();
        }
    }
}

/// Removes the pid files of an engine that was killed: another process may have the id by now, which keeps the next engine
/// from starting.
fn remove_stale_pid_files() {
    for (program, file) in [
        ("dockerd", "/run/docker.pid"),
        ("containerd", "/run/docker/containerd/containerd.pid"),
    ] {
        let running = Command::new("pgrep").args(["--exact", program]).output();
        if running.is_ok_and(|found| found.stdout.is_empty()) {
            let _ = fs::remove_file(file);
        }
    }
}

fn answers() -> bool {
    let info = Command::new("docker")
        .args(["info", "--format", "{{.ServerVersion}}"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    info.is_ok_and(|status| status.success())
}

/// Builds the base images that are missing. Returns a file of environment variables by which compose uses them.
pub(crate) fn base_images() -> anyhow::Result<PathBuf> {
    let script = workspace::root().join("e2e/compose/make-base-images");
    let output = Command::new(script)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot build the base images")?;
    ensure!(
        output.status.success(),
        "the base images could not be built"
    );
    let settings = workspace::tools()?.join("base-images.env");
    fs::write(&settings, output.stdout)?;
    Ok(settings)
}
