//! How many instructions a program works off, which no other load on the machine changes (Valgrind's callgrind).

use std::path::Path;

use tokio::process::Command;

/// A command whose instructions are counted.
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

/// The instructions so far of all threads of a process that is counted.
pub async fn so_far(pid: i32) -> u64 {
    let output = Command::new("callgrind_control")
        .args(["-e", &pid.to_string()])
        .output();
    let said = String::from_utf8(output.await.unwrap().stdout).unwrap();
    // "  Totals:         Ir ", then for each thread "   Th 1  440,985,044 ".
    let of_threads = said.lines().filter_map(|line| {
        let (_thread, count) = line.trim().strip_prefix("Th ")?.split_once(' ')?;
        count.trim().replace(',', "").parse::<u64>().ok()
    });
    let sum = of_threads.sum();
    assert!(sum > 0, "nothing is counted: {said}");
    sum
}
