//! What `cargo xtask`, the benchmark and the end-to-end tests share: directories, installation, the parts of the tests.
#![expect(clippy::print_stdout, reason = "this is a command line")]

pub mod install;
pub mod package;
pub mod parts;
pub mod postgres;
pub mod workspace;
