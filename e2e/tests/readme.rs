//! The commands of README.md. A test program of its own, as it uses the ports that the README names.

use std::{env, path::Path};

use e2e::{
    program::{Program, cargo_dev},
    shell,
};

/// The commands of the README, run after its `cargo dev`, print the output that it shows.
#[tokio::test]
async fn readme_commands_print_documented_output() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let steps = shell::steps(&readme);
    assert!(steps.len() >= 8, "{steps:?}");
    let directory = tempfile::tempdir().unwrap();
    let mut dev = Program::start(&mut cargo_dev(directory.path())).with_children();
    dev.printed("Ctrl-C ends both services").await;

    let path = shell::path_with_grpcurl(&env::var("PATH").unwrap());
    shell::run(&steps, directory.path(), &[("PATH".to_owned(), path)]).await;

    assert!(dev.stop().await.success());
}
