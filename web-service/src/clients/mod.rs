//! Other services, behind the domain's ports.

pub mod auth;
mod decode;
mod instances;
pub mod late;
pub mod revocations;
