//! A database in a file.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use holdfast_server_kit::doctor::{
    Check, DEADLINE, Finding, blocking,
    checks::{
        file_system::{UnsuitableFileSystem, unsuitable_file_system},
        limits,
    },
    within, within_file_deadline,
};
use holdfast_store_sqlite::inspection::{InspectionError, find_damage, inspect};
use time::OffsetDateTime;
use tokio::time::timeout;

use super::{database::REACHABLE, durability, keys, schema};
use crate::config::ServeConfig;

pub(super) static INTEGRITY: Check = Check {
    id: "database.integrity",
    why: "A damaged SQLite file (`quick_check`) loses accounts or ends of logins; it cannot be repaired, only restored",
};

/// Time for which a file is searched for damage.
const INTEGRITY_DEADLINE: Duration = Duration::from_secs(10);

/// What to do where the file cannot be opened.
const ACCESS: &str = "check the owner and the mode of the file and of its directories, and that this user is that of the service";

pub(super) async fn check(file: &Path, config: &ServeConfig, now: OffsetDateTime) -> Vec<Finding> {
    let mut exists = false;
    let mut findings = within(DEADLINE, &REACHABLE, async |findings: &mut Vec<_>| {
        let path = file.to_owned();
        let found = blocking(move || path.try_exists()).await;
        exists = matches!(found, Ok(true));
        findings.extend(assess_existence(file, found));
        if exists {
            findings.extend(check_content(file, config, now).await);
        }
    })
    .await;
    if exists {
        let damage = timeout(INTEGRITY_DEADLINE, find_damage(file)).await;
        findings.push(assess_integrity(damage.ok()));
        let directory = directory(file);
        let disk = move || vec![limits::check_disk(&directory)];
        findings.extend(within_file_deadline(&limits::DISK, disk).await);
    }
    findings
}

fn directory(file: &Path) -> PathBuf {
    let directory = file.parent().filter(|path| !path.as_os_str().is_empty());
    directory.unwrap_or(Path::new(".")).to_owned()
}

/// The finding where there is no file to read.
fn assess_existence(file: &Path, exists: io::Result<bool>) -> Option<Finding> {
    let shown = file.display();
    match exists {
        Ok(true) => None,
        Ok(false) => {
            let remedy = "start the service, which creates it; where there should be data, check AUTH_DATABASE_URL";
            Some(REACHABLE.warning(format!("{shown} does not exist"), remedy))
        }
        Err(error) => Some(REACHABLE.error(format!("{shown} cannot be read: {error}"), ACCESS)),
    }
}

async fn check_content(file: &Path, config: &ServeConfig, now: OffsetDateTime) -> Vec<Finding> {
    let shown = file.display();
    let facts = match inspect(file).await {
        Ok(facts) => facts,
        Err(error) => return vec![unreadable(file, &error)],
    };
    let mut findings = vec![
        REACHABLE.ok(format!("{shown} can be read")),
        schema::assess(facts.schema),
    ];
    let directory = directory(file);
    let unsuitable: Option<UnsuitableFileSystem> =
        blocking(move || unsuitable_file_system(&directory)).await;
    findings.extend(durability::assess_file(facts.is_write_ahead, unsuitable));
    findings.extend(keys::assess(facts.schema, facts.keys.as_ref(), config, now));
    findings
}

fn unreadable(file: &Path, error: &InspectionError) -> Finding {
    let found = format!("{} cannot be read: {error}", file.display());
    match error {
        InspectionError::Damaged(_) => REACHABLE.error(found, "see database.integrity"),
        InspectionError::Unreadable(_) => REACHABLE.error(found, ACCESS),
        InspectionError::Changed => REACHABLE.warning(found, "run doctor again"),
    }
}

/// `None`: the deadline was exceeded.
fn assess_integrity(damage: Option<Result<Option<String>, InspectionError>>) -> Finding {
    let damaged = |damage: &str| {
        let remedy = "stop the service, copy the file to a safe place, and restore a backup";
        INTEGRITY.error(format!("the file is damaged: {damage}"), remedy)
    };
    let not_checked = |why: &InspectionError, remedy| {
        INTEGRITY.warning(format!("not checked for damage: {why}"), remedy)
    };
    match damage {
        Some(Ok(None)) => INTEGRITY.ok("the file is not damaged"),
        Some(Ok(Some(damage)) | Err(InspectionError::Damaged(damage))) => damaged(&damage),
        Some(Err(error @ InspectionError::Unreadable(_))) => not_checked(&error, ACCESS),
        Some(Err(error @ InspectionError::Changed)) => not_checked(&error, "run doctor again"),
        None => {
            let seconds = INTEGRITY_DEADLINE.as_secs();
            INTEGRITY.ok(format!(
                "not known: the file is too large to be read within {seconds} seconds"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_server_kit::doctor::Severity::{Error, Ok as Fine, Warning};

    use super::*;

    #[test]
    fn damaged_file_is_an_error_and_a_large_one_is_not() {
        let outcome = |damage| assess_integrity(damage).outcome();
        for fine in [Some(Ok(None)), None] {
            assert_eq!(outcome(fine), ("database.integrity", Fine));
        }
        let damage = "row 7 missing".to_owned();
        let damaged = Err(InspectionError::Damaged(damage.clone()));
        for damage in [Ok(Some(damage)), damaged] {
            assert_eq!(outcome(Some(damage)), ("database.integrity", Error));
        }
    }

    #[test]
    fn file_that_cannot_be_read_is_not_reported_as_damaged() {
        for error in [
            InspectionError::Unreadable("permission denied".to_owned()),
            InspectionError::Changed,
        ] {
            let finding = assess_integrity(Some(Err(error)));
            assert_eq!(finding.severity, Warning);
            assert!(!finding.remedy.unwrap().contains("backup"));
            assert!(finding.found.starts_with("not checked"));
        }
    }

    #[test]
    fn missing_file_is_a_warning_and_one_without_permission_an_error() {
        let severity = |exists| {
            let finding = assess_existence(Path::new("/data/auth.db"), exists);
            finding.as_ref().map(Finding::outcome)
        };
        assert_eq!(severity(Ok(true)), None);
        assert_eq!(severity(Ok(false)), Some(("database.reachable", Warning)));
        let denied = Err(io::ErrorKind::PermissionDenied.into());
        assert_eq!(severity(denied), Some(("database.reachable", Error)));
    }
}
