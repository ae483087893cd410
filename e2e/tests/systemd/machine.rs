//! A container whose init is systemd.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use e2e::{packages, program::built, wait::until};
use tempfile::TempDir;
use xtask::package;

use crate::UNITS;

const CONTAINER: &str = "holdfast-systemd-test";

/// A container with systemd as its init. Removed when this is dropped.
pub(crate) struct Machine {
    container: &'static str,
    packages: TempDir,
}

impl Machine {
    pub(crate) async fn start() -> Self {
        let packages = tempfile::tempdir().unwrap();
        for (name, version) in [
            ("first", package::VERSION.to_owned()),
            ("second", format!("{}+1", package::VERSION)),
        ] {
            let output = packages.path().join(name);
            package::build(&programs(), &version, &output).unwrap();
        }
        let machine = Self {
            container: CONTAINER,
            packages,
        };
        remove();
        let mount = format!("{}:/packages:ro", machine.packages.path().display());
        let image = systemd_image();
        // Credentials are mounts that systemd makes in another namespace, from which they propagate.
        let init = "mount --make-rshared / && exec /lib/systemd/systemd";
        let cgroups = "/sys/fs/cgroup:/sys/fs/cgroup:rw";
        let mut run = vec!["run", "--detach", "--name", CONTAINER];
        run.extend(["--cap-add", "SYS_ADMIN", "--cgroupns", "host"]);
        run.extend(["--volume", cgroups, "--volume", &mount]);
        run.extend(["--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp"]);
        run.extend(["--env", "container=docker", &image, "sh", "-c", init]);
        let started = docker(&run);
        assert!(started.status.success(), "{started:?}");
        until("systemd", async || {
            machine
                .try_run("systemctl is-system-running")
                .filter(|state| ["running", "degraded"].contains(&state.as_str()))
        })
        .await;
        machine
    }

    /// Installs both packages. Ends when the services are ready.
    pub(crate) fn install(&self, packages: &str) {
        self.run(&install_command(&format!("/packages/{packages}/*.deb")));
        for unit in UNITS {
            assert_eq!(self.property(unit, "ActiveState"), "active", "{unit}");
        }
    }

    /// A file that changes a unit, below its directory of drop-ins. The next start uses it.
    pub(crate) fn drop_in(&self, unit: &str, content: &str) {
        self.run(&format!(
            "mkdir -p /run/systemd/system/{unit}.d && cat > /run/systemd/system/{unit}.d/test.conf <<'UNIT'\n{content}\nUNIT\n\
             systemctl daemon-reload"
        ));
    }

    pub(crate) fn remove_drop_in(&self, unit: &str) {
        self.run(&format!(
            "rm -r /run/systemd/system/{unit}.d && systemctl daemon-reload"
        ));
    }

    pub(crate) fn property(&self, unit: &str, name: &str) -> String {
        self.run(&format!("systemctl show --value --property={name} {unit}"))
    }

    /// Runs a shell command as root, and returns what it prints; panics when it fails.
    pub(crate) fn run(&self, command: &str) -> String {
        let output = docker(&["exec", self.container, "sh", "-ec", command]);
        let journal = || {
            docker(&[
                "exec",
                self.container,
                "journalctl",
                "--no-pager",
                "--lines=50",
            ])
        };
        assert!(
            output.status.success(),
            "{command}\n{}\n{}",
            text(&output),
            text(&journal())
        );
        text(&output)
    }

    /// What the command prints, whether it succeeds or not; `None`: the container does not answer.
    pub(crate) fn try_run(&self, command: &str) -> Option<String> {
        let output = docker(&["exec", self.container, "sh", "-c", command]);
        Some(text(&output)).filter(|text| !text.is_empty())
    }
}

/// Installs packages without a terminal on which `dpkg` could ask, with the options of unattended upgrades.
pub(crate) fn install_command(packages: &str) -> String {
    format!(
        "DEBIAN_FRONTEND=noninteractive timeout 180 dpkg --force-confdef --force-confold --install {packages} 2>&1"
    )
}

impl Drop for Machine {
    fn drop(&mut self) {
        remove();
    }
}

fn remove() {
    docker(&["rm", "--force", "--volumes", CONTAINER]);
}

/// The directory of the built programs.
fn programs() -> PathBuf {
    let programs = UNITS.map(built);
    programs[0].parent().map(Path::to_owned).unwrap()
}

fn systemd_image() -> String {
    let images = fs::read_to_string(packages::base_images()).unwrap();
    let image = images
        .lines()
        .find_map(|line| line.strip_prefix("SYSTEMD_IMAGE="));
    image.unwrap().to_owned()
}

fn docker(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).output().unwrap()
}

/// Both outputs of a command.
fn text(output: &Output) -> String {
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    format!("{printed}{errors}").trim().to_owned()
}
