//! The gRPC port: decodes requests, calls the operations of the identity service, and encodes their results.

mod call_context;
mod call_kinds;
mod call_span;
mod connections;
mod decode;
mod drain;
mod encode;
mod errors;
mod health;
mod metrics;
mod rpc_paths;
mod run_to_completion;
mod secret_hash;
mod server;
mod services;

pub(crate) use self::metrics::register as register_metrics;
pub use self::{
    call_context::ServiceIdentity,
    connections::PortTls,
    secret_hash::SecretHash,
    server::{IDLE_TIMEOUT, REQUEST_SLOTS, Server},
    services::Services,
};
