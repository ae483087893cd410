//! The container engine of the compose test: the one that runs, or one of its own.

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

/// An engine that answers. One that was started here ends with it.
pub(crate) struct Engine {
    started: Option<Child>,
}

impl Engine {
    /// Finds the engine, or starts it.
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
                let said = fs::read_to_string(log).unwrap_or_default();
                bail!("dockerd does not start; it said\n{said}");
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

/// An engine that was killed leaves files with process ids behind, which may be others' by now and keep the next engine
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

/// Makes the base images that are missing. Gives the file with the settings that make compose use them.
pub(crate) fn base_images() -> anyhow::Result<PathBuf> {
    let script = workspace::root().join("e2e/compose/make-base-images");
    let output = Command::new(script)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot make the base images")?;
    ensure!(output.status.success(), "the base images cannot be made");
    let settings = workspace::tools()?.join("base-images.env");
    fs::write(&settings, output.stdout)?;
    Ok(settings)
}
