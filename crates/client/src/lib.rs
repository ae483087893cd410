//! Other services, behind the domain's ports.

pub mod auth;
mod decode;
mod encode;
mod endpoint;
mod instances;
pub mod issuer;
pub mod late;
mod own_acts;
pub mod revocations;
