//! Connections to the instances of auth-service, and what their answers mean.

mod connections;
mod endpoint;
pub(crate) mod endpoints;
pub(crate) mod response;
mod status;
