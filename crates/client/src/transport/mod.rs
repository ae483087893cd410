//! Connections to the instances of auth-service, and what their answers mean.

mod connections;
mod endpoint;
pub(crate) mod endpoints;
pub(crate) mod response;
pub(crate) mod retry_policy;
mod status;
