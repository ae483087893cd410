//! The local certificate of this machine, created where none is configured.

pub mod local_ca;
pub mod reload;
