//! A service as a child process.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{self, Command},
    time::{sleep, timeout},
};

/// Longer than the services take to drain.
const STOP_DEADLINE: Duration = Duration::from_secs(12);
const READY_DEADLINE: Duration = Duration::from_secs(20);
const READY_INTERVAL: Duration = Duration::from_millis(50);

/// A running service.
pub(super) struct Child {
    name: &'static str,
    settings: Vec<(&'static str, String)>,
    process: process::Child,
}

impl Child {
    /// Starts a service. Settings in the environment of this process are removed, other than those of the log.
    pub(super) fn start(
        name: &'static str,
        programs: &Path,
        settings: impl IntoIterator<Item = (&'static str, String)>,
    ) -> anyhow::Result<Self> {
        let settings: Vec<_> = settings.into_iter().collect();
        let process = command(name, programs, &settings)
            .arg("serve")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name,
            settings,
            process,
        })
    }

    /// Waits until the service's health probe succeeds.
    pub(super) async fn ready(&mut self, programs: &Path) -> anyhow::Result<()> {
        let name = self.name;
        let mut probe = command(name, programs, &self.settings);
        probe
            .arg("healthcheck")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let probing = async {
            while !probe.status().await.is_ok_and(|status| status.success()) {
                sleep(READY_INTERVAL).await;
            }
        };
        tokio::select! {
            ready = timeout(READY_DEADLINE, probing) => {
                ready.with_context(|| format!("{name} was not ready within {READY_DEADLINE:?}"))
            }
            error = exited(name, &mut self.process) => Err(error),
        }
    }

    /// Waits until the process ends, which is an error unless it was asked to stop.
    pub(super) async fn failed(&mut self) -> anyhow::Error {
        exited(self.name, &mut self.process).await
    }

    /// Sends SIGTERM and waits for the end; after [`STOP_DEADLINE`] it sends SIGKILL.
    pub(super) async fn stop(mut self) {
        let pid = self
            .process
            .id()
            .and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(STOP_DEADLINE, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
    }
}

async fn exited(name: &str, process: &mut process::Child) -> anyhow::Error {
    match process.wait().await {
        Ok(status) => anyhow!("{name} ended unexpectedly ({status}); its output is above"),
        Err(why) => anyhow!("{name}: {why}"),
    }
}

fn command(name: &str, programs: &Path, settings: &[(&'static str, String)]) -> Command {
    let mut command = Command::new(programs.join(name));
    for (key, _) in std::env::vars_os().filter(|(key, _)| is_setting(&key.to_string_lossy())) {
        command.env_remove(key);
    }
    command.envs(settings.iter().map(|(key, value)| (*key, value)));
    command
}

/// Whether an environment variable is a setting of one of the services, other than those of the log.
fn is_setting(variable: &str) -> bool {
    const KEPT: [&str; 4] = ["AUTH_LOG", "AUTH_LOG_FORMAT", "WEB_LOG", "WEB_LOG_FORMAT"];
    let is_ours = variable.starts_with("AUTH_") || variable.starts_with("WEB_");
    is_ours && !KEPT.contains(&variable)
}
