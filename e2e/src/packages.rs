//! Programs and packages that `cargo xtask test` installs.

use std::{env, ffi::OsString, path::PathBuf};

use xtask::parts::Part;

/// The directory of the Node packages. Node resolves modules beside a script, so scripts have to be copied into it.
#[must_use]
pub fn of_node() -> PathBuf {
    from_environment("HOLDFAST_TEST_NODE")
}

/// The directory of the Python packages, for `PYTHONPATH`.
#[must_use]
pub fn of_python() -> PathBuf {
    from_environment("HOLDFAST_TEST_PYTHON")
}

/// The directory of the OpenID Connect libraries for Node, into which scripts have to be copied, too.
#[must_use]
pub fn of_node_relying_parties() -> PathBuf {
    from_environment("HOLDFAST_TEST_NODE_RELYING_PARTIES")
}

/// The directory of the OpenID Connect libraries for Python, for `PYTHONPATH`.
#[must_use]
pub fn of_python_relying_parties() -> PathBuf {
    from_environment("HOLDFAST_TEST_PYTHON_RELYING_PARTIES")
}

/// The grpcurl program.
#[must_use]
pub fn grpcurl() -> PathBuf {
    from_environment("HOLDFAST_TEST_GRPCURL")
}

/// The file with the environment variables by which compose uses the base images of the tests.
#[must_use]
pub fn base_images() -> PathBuf {
    from_environment("HOLDFAST_TEST_BASE_IMAGES")
}

fn from_environment(variable: &str) -> PathBuf {
    let value = env::var_os(variable).filter(|value| !value.is_empty());
    value.map_or_else(
        || panic!("{variable} is not set; run {}", command()),
        |value: OsString| value.into(),
    )
}

/// The command that installs what the running test needs, and runs it.
#[must_use]
pub fn command() -> String {
    let test = env::current_exe().unwrap_or_default();
    // `cargo` appends a hash to the name of a test program.
    let name = test.file_stem().unwrap_or_default().to_string_lossy();
    let target = name
        .rsplit_once('-')
        .map_or(&*name, |(target, _hash)| target);
    Part::command_for(target)
}
