//! Files that hold secrets.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    process,
};

use secrecy::SecretString;

use crate::text::line;

/// Reads a secret from a file, without a leading byte order mark and line ends after it.
///
/// # Errors
/// A message for the operator: the file is missing, unreadable, not UTF-8 text, empty, or world-readable.
pub fn read_secret(path: &Path) -> Result<SecretString, String> {
    let shown = path.display();
    let metadata = fs::metadata(path).map_err(|why| format!("{shown}: {why}"))?;
    if metadata.permissions().mode() & 0o004 != 0 {
        return Err(format!(
            "{shown} can be read by everybody; chmod 600 it, or mount it with mode 0400, or 0440 for a group"
        ));
    }
    let bytes = fs::read(path).map_err(|why| format!("{shown}: {why}"))?;
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| format!("{shown} is not UTF-8 text"))?;
    match line(&text) {
        "" => Err(format!("{shown} is empty")),
        secret => Ok(secret.into()),
    }
}

/// Writes a file with mode 0600, atomically.
///
/// # Errors
/// When the directory cannot be written.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    write_with_mode(path, content, 0o600)
}

/// Writes a file with mode 0644, such as a certificate, atomically.
///
/// # Errors
/// When the directory cannot be written.
pub fn write_public(path: &Path, content: &[u8]) -> io::Result<()> {
    write_with_mode(path, content, 0o644)
}

fn write_with_mode(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let draft = path.with_added_extension(format!("{}.new", process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(draft, path)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn written_file_is_readable_by_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write(&path, b"hush\n").unwrap();

        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(read_secret(&path).unwrap().expose_secret(), "hush");
    }

    #[test]
    fn world_readable_secret_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(&path, "hush").unwrap();
        let read_with = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            read_secret(&path)
        };

        // As Docker Swarm and Kubernetes mount them by default.
        for mode in [0o444, 0o644, 0o604] {
            let refused = read_with(mode).unwrap_err();
            assert!(refused.contains("chmod 600") && refused.contains("mode 0400"));
        }
        for mode in [0o400, 0o600, 0o440, 0o640] {
            assert!(read_with(mode).is_ok());
        }
    }

    #[test]
    fn byte_order_mark_and_line_ends_are_not_part_of_the_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        for content in ["hush", "hush\n", "hush\r\n", "\u{feff}hush\r\n"] {
            write(&path, content.as_bytes()).unwrap();
            assert_eq!(read_secret(&path).unwrap().expose_secret(), "hush");
        }
        for (content, why) in [
            (b"\xff\xfeh\0u\0".as_slice(), "is not UTF-8 text"),
            (b"\xef\xbb\xbf\r\n", "is empty"),
        ] {
            write(&path, content).unwrap();
            assert!(read_secret(&path).unwrap_err().contains(why));
        }
    }
}
