//! The number of instructions that a program executes (Valgrind's callgrind), which is independent of other load on the machine.

use std::path::Path;

use tokio::process::Command;

/// A command that runs the program under callgrind.
#[must_use]
pub fn counted(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new("valgrind");
    let out = directory.join("callgrind.out");
    command
        .args(["--tool=callgrind", "--read-inline-info=no"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program);
    command
}

/// The number of instructions that all threads of a counted process have executed so far.
pub async fn so_far(pid: i32) -> u64 {
    let output = Command::new("callgrind_control")
        .args(["-e", &pid.to_string()])
        .output();
    let report = String::from_utf8(output.await.unwrap().stdout).unwrap();
    // "  Totals:         Ir ", then for each thread "   Th 1  440,985,044 ".
    let of_threads = report.lines().filter_map(|line| {
        let (_thread, count) = line.trim().strip_prefix("Th ")?.split_once(' ')?;
        count.trim().replace(',', "").parse::<u64>().ok()
    });
    let sum = of_threads.sum();
    assert!(sum > 0, "nothing is counted: {report}");
    sum
}
