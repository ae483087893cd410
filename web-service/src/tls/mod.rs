//! The local certificate of this machine, made here where none is given.

pub mod local_ca;
pub mod reload;
