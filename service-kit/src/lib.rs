//! What both services do in the same way: configuration, logs, the ops port, signals.

pub mod config;
pub mod exit;
pub mod healthcheck;
pub mod manual_clock;
pub mod ops;
pub mod private_file;
pub mod shutdown;
pub mod system;
pub mod telemetry;
