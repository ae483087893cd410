//! Limits of the machine: open files, memory, disk space.

use std::{fs, io, path::Path};

use rustix::fs::statvfs;

use crate::{
    doctor::{Check, Finding},
    fd_limit,
};

/// The limit of open files.
pub static FILES: Check = Check {
    id: "limits.files",
    why: "Each connection is an open file; with fewer than the setting allows, connections are refused earlier",
};

/// Free disk space.
pub static DISK: Check = Check {
    id: "limits.disk",
    why: "On a full disk nothing can be stored: sign-ins and refreshes fail",
};

const MIB: u64 = 1 << 20;
/// Free space below which a disk is an error, and a warning.
const DISK_ERROR: u64 = 100 * MIB;
const DISK_WARNING: u64 = 1024 * MIB;

/// Assesses the limit of open files, as the service raises it. `connections` may be accepted, and `further` files are open besides those
/// that each service needs.
#[must_use]
pub fn check_files(connections: usize, further: usize, setting: &str) -> Finding {
    assess_files(
        fd_limit::maximum(),
        connections.saturating_add(further),
        setting,
    )
}

/// `None`: no limit.
fn assess_files(maximum: Option<u64>, needed: usize, setting: &str) -> Finding {
    let room = fd_limit::room(maximum);
    let limit = maximum.map_or("unlimited".to_owned(), |maximum| maximum.to_string());
    if room < needed {
        let found =
            format!("the hard limit of open files is {limit}, which is too low for {setting}");
        FILES.warning(found, format!("raise `ulimit -Hn`, or lower {setting}"))
    } else {
        FILES.ok(format!("the hard limit of open files is {limit}"))
    }
}

/// The memory that is available, in bytes: of the machine, or of the control group where that is less. `None`: not known.
#[must_use]
pub fn available_memory() -> Option<u64> {
    let read = |file: &str| fs::read_to_string(file).ok();
    let machine = read("/proc/meminfo").and_then(|text| parse_available(&text));
    let group = group_memory(
        read("/sys/fs/cgroup/memory.max").as_deref(),
        read("/sys/fs/cgroup/memory.current").as_deref(),
        read("/sys/fs/cgroup/memory.stat").as_deref(),
    );
    machine.into_iter().chain(group).min()
}

/// What a control group may still use, in bytes. Its usage contains the page cache, of which the kernel frees the inactive part before it
/// kills a process.
fn group_memory(max: Option<&str>, current: Option<&str>, stat: Option<&str>) -> Option<u64> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let inactive_file = stat.and_then(|stat| {
        let mut lines = stat.lines();
        number(lines.find_map(|line| line.strip_prefix("inactive_file "))?)
    });
    let used = number(current?)?.saturating_sub(inactive_file.unwrap_or_default());
    Some(number(max?)?.saturating_sub(used))
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
fn parse_available(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kibibytes: u64 = line?.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Checks the space on the disk of a directory.
#[must_use]
pub fn check_disk(directory: &Path) -> Finding {
    let free = statvfs(directory).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    assess_disk(directory, free.map_err(Into::into))
}

fn assess_disk(directory: &Path, free: io::Result<u64>) -> Finding {
    let shown = directory.display();
    let free = match free {
        Ok(free) => free,
        Err(error) => {
            let found = format!("the free space of {shown} is not known: {error}");
            return DISK.warning(found, "check that the directory exists");
        }
    };
    let found = format!("{} MiB are free on the disk of {shown}", free / MIB);
    let remedy = "free some space, or enlarge the disk";
    if free < DISK_ERROR {
        DISK.error(found, remedy)
    } else if free < DISK_WARNING {
        DISK.warning(found, remedy)
    } else {
        DISK.ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn too_few_open_files_are_a_warning() {
        let outcome = |maximum| assess_files(maximum, 1024, "AUTH_MAX_CONNECTIONS").outcome();
        assert_eq!(outcome(None), ("limits.files", Severity::Ok));
        assert_eq!(outcome(Some(1088)), ("limits.files", Severity::Ok));
        assert_eq!(outcome(Some(1087)), ("limits.files", Severity::Warning));
    }

    #[test]
    fn little_disk_space_is_a_warning_and_less_an_error() {
        let outcome = |free| assess_disk(Path::new("/data"), free).outcome();
        let (warning, error) = (
            ("limits.disk", Severity::Warning),
            ("limits.disk", Severity::Error),
        );
        assert_eq!(outcome(Ok(DISK_WARNING)), ("limits.disk", Severity::Ok));
        assert_eq!(outcome(Ok(DISK_WARNING - 1)), warning);
        assert_eq!(outcome(Ok(DISK_ERROR - 1)), error);
        assert_eq!(outcome(Err(io::ErrorKind::NotFound.into())), warning);
    }

    #[test]
    fn available_memory_is_read_in_kibibytes() {
        let text = "MemTotal:       16000000 kB\nMemAvailable:    2000 kB\n";
        assert_eq!(parse_available(text), Some(2000 * 1024));
        assert_eq!(parse_available("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn inactive_page_cache_of_a_control_group_is_available() {
        let stat = "anon 30\nfile 60\ninactive_file 50\nactive_file 10\n";
        let group = |max, stat| group_memory(Some(max), Some("90\n"), stat);
        assert_eq!(group("100\n", Some(stat)), Some(60));
        assert_eq!(group("100\n", None), Some(10));
        assert_eq!(group("max\n", Some(stat)), None);
        assert_eq!(group_memory(Some("100"), None, None), None);
    }
}
