//! Other people's packages, where `cargo xtask test` put them.

use std::path::PathBuf;

/// Where packages of Node are. Modules are looked for beside a script, so scripts are put there, too.
#[must_use]
pub fn of_node() -> PathBuf {
    directory("HOLDFAST_TEST_NODE")
}

/// Where packages of Python are, for `PYTHONPATH`.
#[must_use]
pub fn of_python() -> PathBuf {
    directory("HOLDFAST_TEST_PYTHON")
}

fn directory(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("run the tests with cargo xtask test: {variable}"))
        .into()
}
