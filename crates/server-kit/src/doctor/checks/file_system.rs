//! Kinds of file systems.

use std::path::Path;

use rustix::fs::statfs;

/// A file system that is not suitable for a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsuitableFileSystem {
    /// It is in memory, and empty after a restart of the machine.
    Memory,
    /// It is on another machine, whose locks and flushes `SQLite` cannot rely on.
    Network,
}

/// The file system of a directory, if it is unsuitable for a database.
#[must_use]
pub fn unsuitable_file_system(directory: &Path) -> Option<UnsuitableFileSystem> {
    unsuitable(u32::try_from(statfs(directory).ok()?.f_type).ok()?)
}

/// The numbers are those of `statfs(2)`.
const fn unsuitable(kind: u32) -> Option<UnsuitableFileSystem> {
    match kind {
        // tmpfs, ramfs
        0x0102_1994 | 0x8584_58f6 => Some(UnsuitableFileSystem::Memory),
        // NFS, SMB, CIFS, SMB2, 9P
        0x6969 | 0x517b | 0xff53_4d42 | 0xfe53_4d42 | 0x0102_1997 => {
            Some(UnsuitableFileSystem::Network)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_network_are_unsuitable() {
        assert_eq!(unsuitable(0x0102_1994), Some(UnsuitableFileSystem::Memory));
        assert_eq!(unsuitable(0x6969), Some(UnsuitableFileSystem::Network));
        // ext4
        assert_eq!(unsuitable(0xef53), None);
    }
}
