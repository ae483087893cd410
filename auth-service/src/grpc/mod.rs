//! The gRPC port: decode, ask the domain, encode.

mod account_service;
mod admin_service;
mod audit;
mod auth_service;
pub mod caller;
mod calls;
mod decode;
mod drain;
mod encode;
mod run_to_completion;
mod server;
mod status;
pub mod tls;
mod watch;

pub use server::{MAX_SILENCE, PLACES, Server, Services};
