//! What both services do in the same way: configuration, logs, connections, TLS files, breakers, the ops port, signals; and how a
//! JWS is taken apart, which public keys verify one, and what is good once remembered.

pub mod blanks;
pub mod breaker;
pub mod config;
pub mod connections;
pub mod descriptors;
pub mod exit;
pub mod fair_slots;
pub mod grpc;
pub mod healthcheck;
pub mod jws;
pub mod manual_clock;
pub mod network;
pub mod ops;
pub mod priority;
pub mod private_file;
pub mod public_url;
pub mod read_message;
pub mod recent;
pub mod redis_info;
pub mod request_body;
pub mod request_limit;
pub mod seen;
pub mod seldom;
pub mod shutdown;
pub mod steady_clock;
pub mod system;
pub mod telemetry;
pub mod tls;
pub mod verifying_key;
