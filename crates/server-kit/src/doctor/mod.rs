//! The command `doctor`: checks of an installation from the point of view of a service (ADR 43).
//!
//! Each check gathers facts, and a function without I/O assesses them, so that each assessment can be tested without a server. The checks that
//! both services have are in [`checks`].

pub mod checks;
mod finding;
mod frame;
mod report;
mod run;
mod table;

pub use self::{
    finding::{Check, Finding, Severity, or_ok},
    frame::{CommonSettings, DoctorArgs, print_report},
    report::Report,
    run::{DEADLINE, blocking, within, within_file_deadline},
    table::verify_table,
};
