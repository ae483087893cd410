//! The parts of `cargo xtask test --only` contain all integration tests.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{env, process::Command};

use clap::ValueEnum as _;
use serde_json::Value;
use xtask::parts::Part;

/// The names of all integration tests of the workspace, from `cargo metadata`.
fn integration_tests() -> Vec<String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .current_dir(xtask::workspace::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let targets = packages.flat_map(|package| package["targets"].as_array().unwrap());
    targets
        .filter(|target| target["kind"][0] == "test")
        .map(|target| target["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn integration_test_belongs_to_a_part() {
    let found = integration_tests();
    let parts = Part::value_variants().iter();
    let listed: Vec<_> = parts.flat_map(|part| part.targets()).collect();
    for name in &found {
        assert!(
            listed.contains(&&name.as_str()),
            "xtask/src/parts.rs: no part runs {name}"
        );
    }
    for name in listed {
        assert!(
            found.iter().any(|found| found == name),
            "xtask/src/parts.rs: there is no integration test {name}"
        );
    }
}

#[test]
fn missing_tool_names_the_part_to_run() {
    assert_eq!(
        Part::command_for("unfinished"),
        "cargo xtask test --only hostile"
    );
    assert_eq!(
        Part::command_for("service"),
        "cargo xtask test --only auth-service"
    );
    assert_eq!(Part::command_for("other"), "cargo xtask test");
}
