//! Whether acknowledged commits survive a crash, and a failover.

use holdfast_server_kit::doctor::{
    Check, Finding, checks::file_system::UnsuitableFileSystem, or_ok,
};
use holdfast_store_postgres::inspection::ServerFacts;

pub(super) static DURABILITY: Check = Check {
    id: "database.durability",
    why: "An acknowledged sign-out or password change that is lost in a crash or a failover makes ended logins valid again",
};

pub(super) fn assess_file(
    is_write_ahead: bool,
    unsuitable: Option<UnsuitableFileSystem>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !is_write_ahead {
        findings.push(DURABILITY.warning(
            "the file has no write-ahead log",
            "start the service, which changes the journal mode; find out which program changed it",
        ));
    }
    match unsuitable {
        Some(UnsuitableFileSystem::Memory) => findings.push(DURABILITY.error(
            "the file is on a file system in memory",
            "move the file to a disk",
        )),
        Some(UnsuitableFileSystem::Network) => findings.push(DURABILITY.error(
            "the file is on a network file system, where SQLite is not safe",
            "move the file to a local disk, or use PostgreSQL",
        )),
        None => {}
    }
    let found = "the file has a write-ahead log, and the service flushes it with each commit (synchronous=FULL)";
    or_ok(findings, &DURABILITY, found)
}

pub(super) fn assess_server(server: &ServerFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !server.is_writable {
        findings.push(DURABILITY.error(
            "the server takes no writes: it is a standby, or read-only",
            "connect to the primary; several hosts and a proxy are described in deploy/ha",
        ));
    }
    if !server.fsync {
        findings.push(DURABILITY.error(
            "fsync is off: a crash of the machine can destroy the database",
            "set fsync = on",
        ));
    }
    if !server.full_page_writes {
        findings.push(DURABILITY.warning(
            "full_page_writes is off: a crash can leave pages that were written in part",
            "set full_page_writes = on, unless the file system writes pages atomically",
        ));
    }
    let is_local = server.synchronous_commit == "local";
    if server.standbys > 0 && (is_local || !server.has_synchronous_standbys) {
        findings.push(DURABILITY.warning(
            "commits do not wait for a standby: a failover may lose the latest ends of logins",
            "set synchronous_standby_names, and synchronous_commit = on",
        ));
    }
    or_ok(
        findings,
        &DURABILITY,
        "commits are flushed, and wait for the standby if there is one",
    )
}

#[cfg(test)]
mod tests {
    use holdfast_server_kit::doctor::Severity::{self, Error, Ok, Warning};

    use super::*;

    #[test]
    fn file_without_a_log_or_on_an_unsuitable_file_system_is_found() {
        let severity =
            |is_write_ahead, unsuitable| assess_file(is_write_ahead, unsuitable)[0].severity;
        assert_eq!(severity(true, None), Ok);
        assert_eq!(severity(false, None), Warning);
        assert_eq!(severity(true, Some(UnsuitableFileSystem::Memory)), Error);
        assert_eq!(severity(true, Some(UnsuitableFileSystem::Network)), Error);
    }

    /// The severity for a server that differs from a durable one.
    fn severity(change: impl FnOnce(&mut ServerFacts)) -> Severity {
        let mut server = ServerFacts {
            version: "15.8".to_owned(),
            is_writable: true,
            fsync: true,
            full_page_writes: true,
            synchronous_commit: "on".to_owned(),
            has_synchronous_standbys: true,
            standbys: 1,
            is_encrypted: true,
            is_local: false,
        };
        change(&mut server);
        assess_server(&server)[0].severity
    }

    #[test]
    fn each_danger_to_the_commits_of_a_server_is_found() {
        assert_eq!(severity(|_| {}), Ok);
        assert_eq!(severity(|server| server.is_writable = false), Error);
        assert_eq!(severity(|server| server.fsync = false), Error);
        assert_eq!(severity(|server| server.full_page_writes = false), Warning);
        assert_eq!(
            severity(|server| server.has_synchronous_standbys = false),
            Warning
        );
        assert_eq!(
            severity(|server| server.synchronous_commit = "local".to_owned()),
            Warning
        );
        // This store replaces it.
        assert_eq!(
            severity(|server| server.synchronous_commit = "off".to_owned()),
            Ok
        );
        let alone = |server: &mut ServerFacts| {
            (server.standbys, server.has_synchronous_standbys) = (0, false);
        };
        assert_eq!(severity(alone), Ok);
    }
}
