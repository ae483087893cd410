//! The Debian packages in a container whose init is systemd: installed, supervised, upgraded, removed and purged.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod machine;

use std::time::Duration;

use e2e::wait::until;
use machine::{Machine, install_command};
use tokio::time::sleep;
use xtask::package;

const UNITS: [&str; 2] = ["auth-service", "web-service"];

/// The highest exposure of a unit by `systemd-analyze security`, in tenths.
const MAX_EXPOSURE: u32 = 20;

/// auth-service on the database of the running one, as deploy/systemd/README.md says.
const AUTH: &str = "AUTH_DATA_DIR=/var/lib/holdfast/auth runuser -u holdfast-auth -- auth-service";

#[tokio::test]
async fn packages_are_installed_supervised_upgraded_and_removed() {
    let machine = Machine::start().await;
    machine.installation_succeeds_where_a_service_fails();
    machine.installation_starts_both_services();
    machine.units_are_valid_and_confined();
    machine.doctor_runs_as_the_service();
    machine.systemd_owns_the_ports();
    machine.restart_refuses_no_connection();
    machine.low_port_needs_no_capability();
    machine.reload_keeps_the_process();
    machine.hung_service_is_restarted().await;
    machine.start_waits_for_the_database().await;
    machine.upgrade_keeps_state_secrets_and_settings();
    machine.conflict_keeps_changed_settings();
    machine.removal_keeps_state_and_purge_deletes_it();
}

impl Machine {
    /// web-service starts without auth-service.
    fn installation_succeeds_where_a_service_fails(&self) {
        self.drop_in(
            "auth-service.service",
            "[Service]\nEnvironment=AUTH_ISSUER=nonsense",
        );
        let printed = self.run(&install_command("/packages/first/*.deb"));
        assert!(
            printed.contains("auth-service.service is not ready"),
            "{printed}"
        );
        assert_ne!(self.property("auth-service", "ActiveState"), "active");
        assert_eq!(self.property("web-service", "ActiveState"), "active");
        self.remove_drop_in("auth-service.service");
        self.run("dpkg --purge holdfast-auth-service holdfast-web-service");
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

    /// Warnings are expected, such as that sessions are in memory.
    fn doctor_runs_as_the_service(&self) {
        for unit in UNITS {
            let printed = self.run(&format!("{unit}-doctor || test $? = 1"));
            for check in ["settings.valid", "files.permissions", "service.ready"] {
                let is_ok = |line: &str| line.starts_with("ok ") && line.contains(check);
                assert!(printed.lines().any(is_ok), "{unit}: {check}: {printed}");
            }
            let json = self.run(&format!("{unit}-doctor --json || test $? = 1"));
            assert!(json.starts_with('{'), "{json}");
        }
        assert_eq!(self.run("find /run -name '*-doctor*'"), "");
    }

    fn systemd_owns_the_ports(&self) {
        for address in ["0100007F:20FB", "0100007F:C383"] {
            let listens = format!("$2 == \"{address}\" && $4 == \"0A\" {{ print $10 }}");
            let inode = self.run(&format!("awk '{listens}' /proc/net/tcp"));
            let owner = format!("find /proc/1/fd -lname 'socket:\\[{inode}\\]'");
            assert_ne!(self.run(&owner), "", "{address}: {inode}");
        }
    }

    /// With a client that connects again and again.
    fn restart_refuses_no_connection(&self) {
        for _ in 0..3 {
            let pid = self.property("web-service", "MainPID");
            self.run(&format!(
                "rm -f /tmp/restarted; (systemctl restart web-service; touch /tmp/restarted) & \
                 until [ -e /tmp/restarted ]; do {}; done",
                get(8443)
            ));
            self.run(&get(8443));
            assert_ne!(self.property("web-service", "MainPID"), pid);
        }
    }

    fn low_port_needs_no_capability(&self) {
        let socket = "web-service.socket";
        self.drop_in(
            socket,
            "[Socket]\nListenStream=\nListenStream=127.0.0.1:443",
        );
        self.run("systemctl restart web-service.socket");
        self.run(&get(443));
        self.remove_drop_in(socket);
        self.run("systemctl restart web-service.socket");
        self.run(&get(8443));
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
            let service = format!("{unit}.service");
            self.drop_in(&service, "[Service]\nWatchdogSec=2s\nTimeoutAbortSec=1s");
            self.run(&format!("systemctl restart {unit}"));
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
            self.remove_drop_in(&service);
            self.run(&format!("systemctl restart {unit}"));
        }
    }

    /// For longer than a start may take otherwise.
    async fn start_waits_for_the_database(&self) {
        let service = "auth-service.service";
        self.drop_in(
            service,
            "[Service]\nTimeoutStartSec=2s\nEnvironment=AUTH_SINGLE_INSTANCE=true\n\
             Environment=AUTH_DATABASE_URL=postgres://holdfast@127.0.0.1:1/holdfast",
        );
        self.run("systemctl restart --no-block auth-service");
        until("a start that waits", async || {
            let status = self.property(service, "StatusText");
            (status == "waiting for the database").then_some(())
        })
        .await;
        let pid = self.property(service, "MainPID");
        sleep(Duration::from_secs(4)).await;
        assert_eq!(self.property(service, "MainPID"), pid);
        assert_eq!(self.property(service, "ActiveState"), "activating");
        self.remove_drop_in(service);
        self.run("systemctl restart auth-service");
        let status = self.property(service, "StatusText");
        assert_eq!(status, "accepting requests");
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

    /// The settings of the package have changed, too.
    fn conflict_keeps_changed_settings(&self) {
        let settings = "/etc/holdfast/web-service.env";
        self.run(&format!("echo '#kept' >> {settings}"));
        self.run(
            "dpkg-deb --raw-extract /packages/second/holdfast-web-service_*.deb /tmp/third && \
             echo '#new' >> /tmp/third/etc/holdfast/web-service.env && \
             sed -i 's/^Version: .*/&.1/' /tmp/third/DEBIAN/control && \
             dpkg-deb -Znone --build /tmp/third /tmp/third.deb",
        );
        self.run(&install_command("/tmp/third.deb"));
        let (kept, new) = (
            format!("grep -qx '#kept' {settings}"),
            format!("{settings}.dpkg-dist"),
        );
        self.run(&format!("{kept} && grep -qx '#new' {new} && rm {new}"));
        assert_eq!(self.property("web-service", "ActiveState"), "active");
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

        // The other service keeps the secret that both share. A mount point is emptied.
        let data = "/var/lib/holdfast/web";
        self.run(&format!(
            "dpkg --remove holdfast-web-service && mount -t tmpfs data {data} && touch {data}/file"
        ));
        self.run("dpkg --purge holdfast-web-service");
        assert_eq!(self.run(&format!("find {data} -mindepth 1")), "");
        self.run(&format!("umount {data} && rm -r {data}"));
        self.run("test -s /etc/holdfast/shared/service.secret && auth-service healthcheck");
        self.run("dpkg --purge holdfast-auth-service");
        let left = "find /etc/holdfast /var/lib/holdfast /usr/share/holdfast-* -maxdepth 0 2>/dev/null || true";
        assert_eq!(self.run(left), "");
    }

    fn has_account(&self) {
        let accounts = self.run(&format!("{AUTH} user list"));
        assert!(accounts.contains(" ada"), "{accounts}");
    }
}

/// A request to web-service over a new connection.
fn get(port: u16) -> String {
    format!(
        "curl --ipv4 --silent --show-error --fail --output /dev/null --cacert /var/lib/holdfast/web/ca.pem https://localhost:{port}/login"
    )
}
