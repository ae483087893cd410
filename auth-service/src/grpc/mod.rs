//! The gRPC port: decode, ask the domain, encode.

mod audit;
mod call_context;
mod call_kinds;
mod decode;
mod drain;
mod encode;
mod errors;
mod run_to_completion;
mod server;
mod services;
pub mod tls;

pub use self::{
    call_context::WebIdentity,
    server::{MAX_SILENCE, PLACES, Server, Services},
};
