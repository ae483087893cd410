//! What the commands of this workspace share: where things are, and what has to be installed.
#![expect(clippy::print_stdout, reason = "this is a command line")]

pub mod install;
pub mod workspace;
