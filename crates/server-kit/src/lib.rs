//! What both services have in common as servers: configuration, logs, ops port, limits of connections and requests, signals, shutdown.

pub mod config;
pub mod connections;
pub mod doctor;
pub mod exit;
pub mod fair_slots;
pub mod fd_limit;
pub mod grpc;
pub mod healthcheck;
pub mod ops;
pub mod passed_socket;
pub mod read_message;
pub mod redis_info;
mod refusals;
pub mod request_body;
pub mod request_limit;
pub mod service_manager;
pub mod shutdown;
pub mod telemetry;

pub use self::refusals::register as register_refusals;
