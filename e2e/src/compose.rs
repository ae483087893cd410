//! The stack of a compose file on a container engine.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command as BlockingCommand, Stdio},
};

use tempfile::TempDir;
use tokio::process::Command;

use crate::{packages, wait::until};

/// A `docker` that passes `docker compose` on to the older `docker-compose`.
const SHIM: &str = r#"#!/bin/sh
if [ "$1" = compose ]; then shift; exec docker-compose "$@"; fi
PATH="${PATH#*:}" exec docker "$@"
"#;

/// A compose project: containers, networks and volumes, removed when this is dropped.
pub struct Stack {
    project: String,
    settings: Vec<(String, String)>,
    shims: TempDir,
}

impl Stack {
    /// A project that is not started yet, with the ports of the documentation. `file` is a path in the repository.
    #[must_use]
    pub fn new(project: &str, file: &str) -> Self {
        let images = fs::read_to_string(packages::base_images()).unwrap();
        let mut settings: Vec<_> = images
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        settings.push(("COMPOSE_PROJECT_NAME".to_owned(), project.to_owned()));
        settings.push((
            "COMPOSE_FILE".to_owned(),
            root().join(file).display().to_string(),
        ));
        for service in ["AUTH", "WEB"] {
            let image = format!("holdfast-test/{}", service.to_lowercase());
            settings.push((format!("{service}_IMAGE"), image));
        }
        // Of this project.
        for service in ["SECRETS", "POSTGRES", "ETCD"] {
            let image = format!("{project}/{}", service.to_lowercase());
            settings.push((format!("{service}_IMAGE"), image));
        }
        Self {
            project: project.to_owned(),
            settings,
            shims: shims(),
        }
    }

    /// The environment variables with which `docker compose` in a shell uses this stack.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let path = format!(
            "{}:{}",
            self.shims.path().display(),
            env::var("PATH").unwrap()
        );
        [self.settings.clone(), vec![("PATH".to_owned(), path)]].concat()
    }

    /// Runs `docker` with these arguments and returns its output; panics when it fails.
    pub async fn docker(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "docker {arguments:?}\n{text}\n{errors}"
        );
        text
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.shims.path().join("docker"));
        command
            .args(arguments)
            .envs(self.environment())
            .stdin(Stdio::null());
        command
    }

    /// Runs `docker compose`.
    pub async fn compose(&self, arguments: &[&str]) -> String {
        self.docker(&[&["compose"], arguments].concat()).await
    }

    /// Runs a command in a service, and returns what it prints; `None` if it fails.
    pub async fn try_exec(&self, service: &str, command: &[&str]) -> Option<String> {
        let arguments = [&["compose", "exec", "-T", service], command].concat();
        let output = self.command(&arguments).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    /// The container of a service.
    pub async fn container(&self, service: &str) -> String {
        self.compose(&["ps", "--quiet", service]).await
    }

    /// What the engine knows of a container, by a template.
    pub async fn inspect(&self, service: &str, template: &str) -> String {
        let container = self.container(service).await;
        self.docker(&["inspect", "--format", template, &container])
            .await
    }

    /// The process of a service, as this machine numbers it.
    pub async fn pid(&self, service: &str) -> i32 {
        let pid = self.inspect(service, "{{.State.Pid}}").await;
        pid.parse().unwrap()
    }

    /// Drops every packet from and to a service, except its own, as a network that fails does: nobody is told.
    pub async fn cut_network(&self, service: &str) {
        self.filter_network(service, "-A").await;
    }

    /// Undoes [`Self::cut_network`].
    pub async fn restore_network(&self, service: &str) {
        self.filter_network(service, "-D").await;
    }

    async fn filter_network(&self, service: &str, change: &str) {
        let pid = self.pid(service).await.to_string();
        for [chain, interface] in [["INPUT", "-i"], ["OUTPUT", "-o"]] {
            let output = Command::new("nsenter")
                .args(["--net", "--target", &pid, "iptables", change, chain])
                .args(["!", interface, "lo", "-j", "DROP"])
                .output()
                .await
                .unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "iptables in {service}: {errors}");
        }
    }

    /// Waits until the service says of itself that it is ready.
    pub async fn healthy(&self, service: &str) {
        until(service, async || {
            let health = self.inspect(service, "{{.State.Health.Status}}").await;
            (health == "healthy").then_some(())
        })
        .await;
    }

    /// What a service wrote to its log.
    pub async fn logs(&self, service: &str) -> String {
        self.compose(&["logs", "--no-color", service]).await
    }

    /// The ids of the containers, networks and volumes of the project that exist.
    pub async fn remains(&self) -> String {
        let label = format!("label=com.docker.compose.project={}", self.project);
        let mut found = Vec::new();
        for list in [
            ["ps", "--all"].as_slice(),
            &["network", "ls"],
            &["volume", "ls"],
        ] {
            let arguments = [list, &["--quiet", "--filter", &label]].concat();
            found.push(self.docker(&arguments).await);
        }
        found.concat()
    }
}

/// Leaves nothing running after a test, failed or not.
impl Drop for Stack {
    fn drop(&mut self) {
        let _ = BlockingCommand::new(self.shims.path().join("docker"))
            .args(["compose", "down", "--volumes", "--timeout", "1"])
            .envs(self.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap().to_owned()
}

fn shims() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("docker");
    let shim = if has_compose_plugin() {
        "#!/bin/sh\nPATH=\"${PATH#*:}\" exec docker \"$@\"\n"
    } else {
        SHIM
    };
    fs::write(&program, shim).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

fn has_compose_plugin() -> bool {
    let version = BlockingCommand::new("docker")
        .args(["compose", "version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}
