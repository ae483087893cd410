//! A database in a file.

use std::{path::Path, time::Duration};

use holdfast_identity::store::StoreError;
use holdfast_server_kit::doctor::{
    Check, DEADLINE, Finding,
    checks::{file_system::unsuitable_file_system, limits},
    within,
};
use holdfast_store_sqlite::inspection::{find_damage, inspect};
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

pub(super) async fn check(file: &Path, config: &ServeConfig, now: OffsetDateTime) -> Vec<Finding> {
    let shown = file.display();
    let directory = file.parent().filter(|path| !path.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    if !file.exists() {
        let found = format!("{shown} does not exist");
        let remedy = "start the service, which creates it; where there should be data, check AUTH_DATABASE_URL";
        return vec![REACHABLE.warning(found, remedy)];
    }
    let content = async {
        match inspect(file).await {
            Ok(facts) => {
                let mut findings = vec![
                    REACHABLE.ok(format!("{shown} can be read")),
                    schema::assess(facts.schema),
                ];
                let unsuitable = unsuitable_file_system(directory);
                findings.extend(durability::assess_file(facts.is_write_ahead, unsuitable));
                findings.extend(keys::assess(facts.schema, facts.keys.as_ref(), config, now));
                findings
            }
            Err(error) => vec![unreadable(&shown, &error)],
        }
    };
    let mut findings = within(DEADLINE, &REACHABLE, content).await;
    let damage = timeout(INTEGRITY_DEADLINE, find_damage(file)).await;
    findings.push(assess_integrity(damage.ok()));
    findings.push(limits::check_disk(directory));
    findings
}

fn unreadable(file: &impl std::fmt::Display, error: &StoreError) -> Finding {
    let found = format!("{file} cannot be read: {error}");
    REACHABLE.error(found, "check the owner and the mode of the file and its directory; a damaged file is restored from a backup")
}

/// `None`: the deadline was exceeded.
fn assess_integrity(damage: Option<Result<Option<String>, StoreError>>) -> Finding {
    let remedy = "stop the service, and restore a backup";
    match damage {
        Some(Ok(None)) => INTEGRITY.ok("the file is not damaged"),
        Some(Ok(Some(damage))) => INTEGRITY.error(format!("the file is damaged: {damage}"), remedy),
        Some(Err(error)) => INTEGRITY.error(format!("the file cannot be checked: {error}"), remedy),
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
    use holdfast_server_kit::doctor::Severity;

    use super::*;

    #[test]
    fn damaged_file_is_an_error_and_a_large_one_is_not() {
        let severity = |damage| assess_integrity(damage).severity;
        assert_eq!(severity(Some(Ok(None))), Severity::Ok);
        assert_eq!(severity(None), Severity::Ok);
        assert_eq!(
            severity(Some(Ok(Some("row 7 missing".to_owned())))),
            Severity::Error
        );
        let error = StoreError::Unavailable("no database".to_owned());
        assert_eq!(severity(Some(Err(error))), Severity::Error);
    }
}
