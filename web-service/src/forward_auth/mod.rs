//! Whether a request that a reverse proxy asks about may pass.

pub mod policy;
