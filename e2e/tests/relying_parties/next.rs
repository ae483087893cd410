//! The build of an application with Next.js.

use std::{fs, path::Path};

use e2e::packages;
use tokio::process::Command;

/// Builds the application, in a copy of its directory beside the packages, and returns the command that starts it.
pub(crate) async fn command(application: &Path) -> Command {
    let packages = packages::of_node_relying_parties();
    let copy = packages.join(application.file_name().unwrap());
    if copy.exists() {
        fs::remove_dir_all(&copy).unwrap();
    }
    copy_directory(application, &copy);
    let next = |subcommand: &str| {
        let mut next = Command::new("node");
        next.arg(packages.join("node_modules/next/dist/bin/next"))
            .arg(subcommand)
            .current_dir(&copy)
            .env("NEXT_TELEMETRY_DISABLED", "1");
        next
    };
    let built = next("build").output().await.unwrap();
    let printed = [built.stdout, built.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(built.status.success(), "{printed}");
    let mut start = next("start");
    start.args(["--hostname", "127.0.0.1"]);
    start
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, copy) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy_directory(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}
