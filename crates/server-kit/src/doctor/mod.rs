//! The command `doctor`: checks of an installation from the point of view of a service (ADR 43).
//!
//! Each check gathers facts, and a function without I/O assesses them, so that each assessment can be tested without a server. The checks that
//! both services have are in [`checks`].

pub mod checks;
mod finding;
mod report;
mod run;
mod table;

use clap::Args;

pub use self::{
    finding::{Check, Finding, Severity, or_ok},
    report::Report,
    run::{DEADLINE, within},
    table::verify_table,
};

/// The arguments of `doctor`, besides the settings.
#[derive(Args, Clone, Copy, Debug)]
pub struct DoctorArgs {
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}
