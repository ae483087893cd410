//! Whether acknowledged commits survive a crash, and a failover.

use holdfast_server_kit::doctor::{
    Check, Finding, checks::file_system::UnsuitableFileSystem, or_ok,
};

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

#[cfg(test)]
mod tests {
    use holdfast_server_kit::doctor::Severity::{Error, Ok, Warning};

    use super::*;

    #[test]
    fn file_without_a_log_or_on_an_unsuitable_file_system_is_found() {
        let outcome =
            |is_write_ahead, unsuitable| assess_file(is_write_ahead, unsuitable)[0].outcome();
        assert_eq!(outcome(true, None), ("database.durability", Ok));
        assert_eq!(outcome(false, None), ("database.durability", Warning));
        for unsuitable in [UnsuitableFileSystem::Memory, UnsuitableFileSystem::Network] {
            let outcome = outcome(true, Some(unsuitable));
            assert_eq!(outcome, ("database.durability", Error));
        }
    }
}
