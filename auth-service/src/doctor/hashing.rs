//! The memory for the verification of passwords.

use holdfast_server_kit::doctor::{Check, Finding, checks::limits::available_memory};

use crate::config::HashingConfig;

pub(super) static MEMORY: Check = Check {
    id: "limits.memory",
    why: "Where the passwords that are verified at once need more memory than is available, the kernel may kill the service",
};

const MIB: u64 = 1 << 20;

pub(super) fn check(hashing: HashingConfig) -> Finding {
    let HashingConfig { cost, threads } = hashing;
    let needed = u64::from(cost.memory) * 1024 * u64::from(threads.get());
    assess(needed, available_memory())
}

/// In bytes. `None`: not known.
fn assess(needed: u64, available: Option<u64>) -> Finding {
    let found = format!(
        "the verification of passwords needs up to {} MiB",
        needed / MIB
    );
    match available {
        None => MEMORY.ok(format!("{found}; how much is available is not known")),
        Some(available) if available < needed => MEMORY.warning(
            format!("{found}, and {} MiB are available", available / MIB),
            "lower AUTH_ARGON2_CONCURRENCY, or add memory",
        ),
        Some(available) => MEMORY.ok(format!(
            "{found}, and {} MiB are available",
            available / MIB
        )),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_server_kit::doctor::Severity::{Ok, Warning};

    use super::*;

    #[test]
    fn too_little_memory_is_a_warning() {
        let outcome = |available| assess(38 * MIB, available).outcome();
        assert_eq!(outcome(None), ("limits.memory", Ok));
        assert_eq!(outcome(Some(38 * MIB)), ("limits.memory", Ok));
        assert_eq!(outcome(Some(37 * MIB)), ("limits.memory", Warning));
    }
}
