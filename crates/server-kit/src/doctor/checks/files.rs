//! Permissions of files that contain secrets.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use crate::doctor::{Check, Finding, or_ok};

/// Permissions of files with secrets.
pub static PERMISSIONS: Check = Check {
    id: "files.permissions",
    why: "Files with secrets, private keys or accounts; who can read one can act as the service, who can change one can replace the secret",
};

/// A file with a secret, and the setting that names it.
#[derive(Clone, Debug)]
pub struct SecretFile {
    setting: &'static str,
    path: PathBuf,
}

impl SecretFile {
    /// A file, and the setting that names it.
    pub fn new(setting: &'static str, path: impl Into<PathBuf>) -> Self {
        Self {
            setting,
            path: path.into(),
        }
    }
}

/// Checks the permissions of these files. One that does not exist is left out: the check of the settings reports it.
#[must_use]
pub fn check_permissions(files: &[SecretFile]) -> Vec<Finding> {
    let findings = files.iter().filter_map(|file| {
        let metadata = fs::metadata(&file.path).ok()?;
        assess(file, metadata.permissions().mode())
    });
    or_ok(
        findings.collect(),
        &PERMISSIONS,
        "only owners and groups can read the files with secrets, and only owners can change them",
    )
}

fn assess(file: &SecretFile, mode: u32) -> Option<Finding> {
    let name = format!("{} ({})", file.path.display(), file.setting);
    let remedy = format!(
        "chmod 600 {}, or mount it with mode 0400",
        file.path.display()
    );
    if mode & 0o006 != 0 {
        let found = format!("{name} can be read or changed by everybody");
        Some(PERMISSIONS.error(found, remedy))
    } else if mode & 0o020 != 0 {
        let found = format!("{name} can be changed by its group");
        Some(PERMISSIONS.warning(found, remedy))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn file_of_everybody_is_an_error_and_one_that_its_group_changes_a_warning() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, "hush").unwrap();
        let severity = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let findings = check_permissions(&[SecretFile::new("KEY_FILE", &path)]);
            assert!(!findings[0].found.contains("hush"));
            findings[0].severity
        };
        for mode in [0o400, 0o600, 0o440, 0o640] {
            assert_eq!(severity(mode), Severity::Ok, "{mode:o}");
        }
        assert_eq!(severity(0o660), Severity::Warning);
        for mode in [0o444, 0o644, 0o602] {
            assert_eq!(severity(mode), Severity::Error, "{mode:o}");
        }
    }
}
