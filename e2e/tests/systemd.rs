//! The Debian packages in a container whose init is systemd: installed, supervised, upgraded, removed and purged.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use e2e::{packages, program::built, wait::until};
use tempfile::TempDir;
use xtask::package;

const CONTAINER: &str = "holdfast-systemd-test";
const UNITS: [&str; 2] = ["auth-service", "web-service"];

/// The highest exposure of a unit by `systemd-analyze security`, in tenths.
const MAX_EXPOSURE: u32 = 20;

/// auth-service on the database of the running one, as deploy/systemd/README.md says.
const AUTH: &str = "AUTH_DATA_DIR=/var/lib/holdfast/auth runuser -u holdfast-auth -- auth-service";

/// A container with systemd as its init. Removed when this is dropped.
struct Machine {
    container: &'static str,
    packages: TempDir,
}

#[tokio::test]
async fn packages_are_installed_supervised_upgraded_and_removed() {
    let machine = Machine::start().await;
    machine.installation_starts_both_services();
    machine.units_are_valid_and_confined();
    machine.reload_keeps_the_process();
    machine.hung_service_is_restarted().await;
    machine.upgrade_keeps_state_secrets_and_settings();
    machine.removal_keeps_state_and_purge_deletes_it();
}

impl Machine {
    async fn start() -> Self {
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

    fn installation_starts_both_services(&self) {
        self.install("first");
        self.run("auth-service healthcheck && web-service healthcheck");
        let add =
            format!("head -c 18 /dev/urandom | base64 | {AUTH} user add ada --password-stdin");
        self.run(&add);
    }

    fn units_are_valid_and_confined(&self) {
        for unit in UNITS {
            let printed = self.run(&format!("systemd-analyze verify {unit}.service 2>&1"));
            assert_eq!(printed, "", "{unit}");
            self.run(&format!(
                "systemd-analyze security --threshold={MAX_EXPOSURE} {unit}.service"
            ));
            let pid = self.property(unit, "MainPID");
            let status = self.run(&format!("cat /proc/{pid}/status"));
            assert!(!status.contains("Uid:\t0\t"), "{unit}: {status}");
            for line in ["CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
                assert!(status.contains(line), "{unit} has not {line}: {status}");
            }
        }
        let readable = "find /etc/holdfast -mindepth 2 -type f -perm /o=r";
        assert_eq!(self.run(readable), "", "secrets are world-readable");
    }

    fn reload_keeps_the_process(&self) {
        for unit in UNITS {
            let pid = self.property(unit, "MainPID");
            self.run(&format!("systemctl reload {unit}"));
            assert_eq!(self.property(unit, "MainPID"), pid, "{unit}");
            assert_eq!(self.property(unit, "ActiveState"), "active", "{unit}");
        }
    }

    /// With a shorter interval than that of the unit.
    async fn hung_service_is_restarted(&self) {
        for unit in UNITS {
            let directory = format!("/run/systemd/system/{unit}.service.d");
            self.run(&format!(
                "mkdir -p {directory} && \
                 printf '[Service]\\nWatchdogSec=2s\\nTimeoutAbortSec=1s\\n' > {directory}/test.conf && \
                 systemctl daemon-reload && systemctl restart {unit}"
            ));
            let started = self.property(unit, "WatchdogTimestampMonotonic");
            until("a message to the watchdog", async || {
                (self.property(unit, "WatchdogTimestampMonotonic") != started).then_some(())
            })
            .await;
            let pid = self.property(unit, "MainPID");
            // `kill` would stop its own process group.
            assert_ne!(pid, "0", "{unit}");
            assert_eq!(self.property(unit, "NRestarts"), "0", "{unit}");
            self.run(&format!("kill -STOP {pid}"));
            until("a restart by the watchdog", async || {
                let restarted = self.property(unit, "NRestarts") == "1";
                (restarted && self.property(unit, "ActiveState") == "active").then_some(())
            })
            .await;
            assert_ne!(self.property(unit, "MainPID"), pid, "{unit}");
            self.run(&format!(
                "rm -r {directory} && systemctl daemon-reload && systemctl restart {unit}"
            ));
        }
    }

    fn upgrade_keeps_state_secrets_and_settings(&self) {
        self.run("echo '#kept' >> /etc/holdfast/auth-service.env");
        let kept = "cat /etc/holdfast/*/* /etc/holdfast/*.env | sha256sum";
        let before = self.run(kept);
        let pids = UNITS.map(|unit| self.property(unit, "MainPID"));
        self.install("second");
        for (unit, pid) in UNITS.iter().zip(pids) {
            assert_ne!(self.property(unit, "MainPID"), pid, "{unit}");
            assert_eq!(self.property(unit, "Result"), "success", "{unit}");
        }
        let version = "dpkg-query --show --showformat '${Version}' holdfast-auth-service";
        assert_eq!(self.run(version), format!("{}+1", package::VERSION));
        assert_eq!(self.run(kept), before);
        self.has_account();
    }

    fn removal_keeps_state_and_purge_deletes_it(&self) {
        let all = UNITS.map(|unit| format!("holdfast-{unit}")).join(" ");
        let secrets = "cat /etc/holdfast/*/* | sha256sum";
        let before = self.run(secrets);
        self.run(&format!("dpkg --remove {all}"));
        for unit in UNITS {
            assert_eq!(self.property(unit, "ActiveState"), "inactive", "{unit}");
        }
        self.install("second");
        assert_eq!(self.run(secrets), before);
        self.has_account();

        // The other service keeps the secret that both share.
        self.run("dpkg --purge holdfast-web-service");
        self.run("test -s /etc/holdfast/shared/service.secret && auth-service healthcheck");
        self.run("dpkg --purge holdfast-auth-service");
        let left = "find /etc/holdfast /var/lib/holdfast /usr/share/holdfast-* -maxdepth 0 2>/dev/null || true";
        assert_eq!(self.run(left), "");
    }

    /// Installs both packages. Ends when the services are ready.
    fn install(&self, packages: &str) {
        self.run(&format!(
            "DEBIAN_FRONTEND=noninteractive timeout 60 dpkg --install /packages/{packages}/*.deb"
        ));
        for unit in UNITS {
            assert_eq!(self.property(unit, "ActiveState"), "active", "{unit}");
        }
    }

    fn has_account(&self) {
        let accounts = self.run(&format!("{AUTH} user list"));
        assert!(accounts.contains(" ada"), "{accounts}");
    }

    fn property(&self, unit: &str, name: &str) -> String {
        self.run(&format!("systemctl show --value --property={name} {unit}"))
    }

    /// Runs a shell command as root, and returns what it prints; panics when it fails.
    fn run(&self, command: &str) -> String {
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
    fn try_run(&self, command: &str) -> Option<String> {
        let output = docker(&["exec", self.container, "sh", "-c", command]);
        Some(text(&output)).filter(|text| !text.is_empty())
    }
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
