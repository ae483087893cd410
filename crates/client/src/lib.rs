//! A client of auth-service: calls with deadlines, retries and circuit breakers, a revocation watcher, and a caching verifier of
//! access tokens.

pub mod auth;
pub mod config;
mod decode;
pub mod device_report;
mod encode;
mod endpoint;
mod endpoints;
pub mod error;
pub mod fingerprint;
pub mod issuer;
mod read_your_writes;
mod reason;
pub mod request_id;
pub mod retry_queue;
pub mod revocation_watch;
pub mod revocations;
pub mod rpc;
pub mod token_verifier;

pub use reason::{ErrorReason, Reason};
