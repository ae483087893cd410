//! Checks that both services have, and parts of them.

pub mod certificate;
pub mod clock;
pub mod file_system;
pub mod files;
pub mod host;
pub mod limits;
pub mod redis;
pub mod service;
