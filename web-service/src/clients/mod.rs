//! Other services, behind the domain's ports.

pub mod auth;
mod breaker;
mod decode;
mod instances;
