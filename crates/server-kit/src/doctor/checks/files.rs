//! Permissions of files that contain secrets.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use crate::{
    config::RedisUrl,
    doctor::{Check, Finding, or_ok, within_file_deadline},
};

/// Permissions of files with secrets.
pub static PERMISSIONS: Check = Check {
    id: "files.permissions",
    why: "Files with secrets, private keys or accounts: a user who can read one can act as the service, a user who can change or replace one decides the secret",
};

/// The bit of a directory in which users can only rename and remove their own files.
const STICKY: u32 = 0o1000;
const ROOT: u32 = 0;

/// A file with a secret, and the setting that names it.
#[derive(Clone, Debug)]
pub struct SecretFile {
    setting: &'static str,
    path: PathBuf,
}

/// Owner and mode of a file or a directory.
#[derive(Clone, Copy, Debug)]
struct Access {
    owner: u32,
    mode: u32,
}

impl SecretFile {
    /// A file, and the setting that names it.
    pub fn new(setting: &'static str, path: impl Into<PathBuf>) -> Self {
        Self {
            setting,
            path: path.into(),
        }
    }

    /// The private key with which a service authenticates to Redis, if there is one.
    #[must_use]
    pub fn of_redis(url: &RedisUrl) -> Option<Self> {
        let key = &url.tls.as_ref()?.identity.as_ref()?.key;
        Some(Self::new(key.setting, key.path.clone()))
    }
}

/// Checks the permissions of these files. One that does not exist is left out: the check of the settings reports it.
pub async fn check_permissions(files: Vec<SecretFile>) -> Vec<Finding> {
    within_file_deadline(&PERMISSIONS, move || check_all(&files)).await
}

fn check_all(files: &[SecretFile]) -> Vec<Finding> {
    let own = geteuid().as_raw();
    or_ok(
        files.iter().flat_map(|file| check(file, own)).collect(),
        &PERMISSIONS,
        "only owners and groups can read the files with secrets, and only owners can change them",
    )
}

/// `own` is the user of this process.
fn check(file: &SecretFile, own: u32) -> Vec<Finding> {
    let path = &file.path;
    let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    match access(path) {
        Ok(Some(of_file)) => {
            let of_directory = access(directory).ok().flatten();
            let directory = of_directory.and_then(|access| assess_directory(file, access));
            assess(file, of_file, own)
                .into_iter()
                .chain(directory)
                .collect()
        }
        Ok(None) => Vec::new(),
        Err(error) => vec![PERMISSIONS.warning(
            format!("{} is not checked: {error}", name(file)),
            "run doctor as the user of the service, and let this user enter the directory",
        )],
    }
}

/// `None`: there is no such file.
fn access(path: &Path) -> io::Result<Option<Access>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(Access {
            owner: metadata.uid(),
            mode: metadata.permissions().mode(),
        })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn assess(file: &SecretFile, Access { owner, mode }: Access, own: u32) -> Vec<Finding> {
    let (name, shown) = (name(file), file.path.display());
    let remedy = format!("chmod 600 {shown}, or mount it with mode 0400");
    let mut findings = Vec::new();
    if mode & 0o006 != 0 {
        let found = format!("{name} can be read or changed by every user");
        findings.push(PERMISSIONS.error(found, remedy));
    } else if mode & 0o020 != 0 {
        let found = format!("{name} can be changed by its group");
        findings.push(PERMISSIONS.warning(found, remedy));
    }
    if owner != own && owner != ROOT {
        let found = format!("{name} belongs to the user {owner}, which can change it");
        let remedy = format!("chown it to root or to the user of the service, {own}");
        findings.push(PERMISSIONS.warning(found, remedy));
    }
    findings
}

/// A user with write permission for the directory of a file can replace the file.
fn assess_directory(file: &SecretFile, Access { mode, .. }: Access) -> Option<Finding> {
    if mode & 0o002 == 0 || mode & STICKY != 0 {
        return None;
    }
    let found = format!("every user can replace {}", name(file));
    Some(PERMISSIONS.error(found, "chmod o-w the directory of the file"))
}

fn name(file: &SecretFile) -> String {
    format!("{} ({})", file.path.display(), file.setting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{self, Error, Ok as Fine, Warning};

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The severities for a file with a mode in a directory with a mode.
    fn severities(mode: u32, directory_mode: u32) -> Vec<Severity> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, "hush").unwrap();
        set_mode(&path, mode);
        set_mode(directory.path(), directory_mode);
        let findings = check_all(&[SecretFile::new("KEY_FILE", &path)]);
        assert!(!findings[0].found.contains("hush"));
        findings.iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn file_of_every_user_is_an_error_and_one_that_its_group_changes_a_warning() {
        for mode in [0o400, 0o600, 0o440, 0o640] {
            assert_eq!(severities(mode, 0o755), [Fine], "{mode:o}");
        }
        assert_eq!(severities(0o660, 0o755), [Warning]);
        for mode in [0o444, 0o644, 0o602] {
            assert_eq!(severities(mode, 0o755), [Error], "{mode:o}");
        }
    }

    #[test]
    fn file_that_every_user_can_replace_is_an_error() {
        assert_eq!(severities(0o600, 0o757), [Error]);
        assert_eq!(severities(0o600, 0o1777), [Fine]);
        assert_eq!(severities(0o600, 0o775), [Fine]);
    }

    #[test]
    fn file_of_another_user_is_a_warning() {
        let file = SecretFile::new("KEY_FILE", "/run/secrets/key");
        let outcome = |owner| {
            let access = Access { owner, mode: 0o600 };
            assess(&file, access, 1000).first().map(Finding::outcome)
        };
        assert_eq!(outcome(1000), None);
        assert_eq!(outcome(ROOT), None);
        assert_eq!(outcome(1001), Some(("files.permissions", Warning)));
    }

    #[test]
    fn missing_file_is_left_out_and_one_that_cannot_be_examined_not_checked() {
        let directory = tempfile::tempdir().unwrap();
        let missing = SecretFile::new("KEY_FILE", directory.path().join("missing"));
        assert!(check(&missing, 0).is_empty());
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        // Below a file there can be none, which is another error than that of a missing file, as that of a missing permission is.
        let below = check(&SecretFile::new("KEY_FILE", file.join("key")), 0);
        assert_eq!(below[0].severity, Warning);
        assert!(below[0].found.contains("not checked"));
    }
}
